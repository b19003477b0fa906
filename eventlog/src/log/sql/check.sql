-- The whole log in one row: positions run from 1 to the head without a gap or a repetition, and so does the
-- sequence of every stream.
with streams as (
    select min(sequence) as first, max(sequence) as last, count(*) as events
      from events
     group by aggregate_type, aggregate_id
)
select (select position from event_log_head)                                                as head,
       (select count(*) from events)                                                        as events,
       (select count(distinct position) from events)                                        as positions,
       (select coalesce(min(position), 1) from events)                                      as first_position,
       (select coalesce(max(position), 0) from events)                                      as last_position,
       (select count(*) from streams)                                                       as streams,
       (select count(*) from streams where first <> 1 or last - first + 1 <> events)        as broken_streams,
       (select count(*) from idempotency_keys)                                              as claims,
       (select count(*) from idempotency_keys k
         where k.version > 0 and not exists (
               select 1 from events e
                where e.aggregate_type = k.aggregate_type and e.aggregate_id = k.aggregate_id
                  and e.sequence = k.version))                                              as dangling_claims
