-- One batch of appends, in one statement and so in one transaction that lasts no longer than it must: move
-- the head, insert the events, claim the idempotency keys. All or nothing.
--
-- $1..$8   the events, in order
-- $9..$15  the claims; $15 is the ordinal of the claim's last event
-- $16      how many events
-- $17..$19 the rows that must precede the batch: the versions that it builds on
--
-- The head moves only if every stream is as long as its append says; otherwise nothing is inserted and no row
-- comes back. A stream that is longer than said is a unique violation.
with head as (
    update event_log_head
       set position = position + $16
     where (select count(*)
              from unnest($17::text[], $18::text[], $19::bigint[]) as p (aggregate_type, aggregate_id, sequence)
              join events e using (aggregate_type, aggregate_id, sequence)
           ) = cardinality($17::text[])
    returning position - $16 as base, clock_timestamp() as recorded_at
), stored as (
    insert into events (position, recorded_at, event_id, aggregate_type, aggregate_id, sequence,
                        event_type, event_version, payload, metadata)
    select head.base + e.ordinal, head.recorded_at, e.event_id, e.aggregate_type, e.aggregate_id, e.sequence,
           e.event_type, e.event_version, e.payload::json, e.metadata::json
      from head,
           unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[])
           with ordinality
           as e (event_id, aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata,
                 ordinal)
), claimed as (
    insert into idempotency_keys (scope, key, fingerprint, aggregate_type, aggregate_id, version, position)
    select c.scope, c.key, c.fingerprint, c.aggregate_type, c.aggregate_id, c.version, head.base + c.last_event
      from head,
           unnest($9::text[], $10::text[], $11::bytea[], $12::text[], $13::text[], $14::bigint[], $15::bigint[])
           as c (scope, key, fingerprint, aggregate_type, aggregate_id, version, last_event)
)
select base, recorded_at from head
