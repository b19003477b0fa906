-- The next events in log order. The index on `position` serves it; the caller proves that none is missing.
select position, event_id, recorded_at, aggregate_type, aggregate_id, sequence, event_type, event_version,
       payload::text as payload, metadata::text as metadata
  from events
 where position > $1
 order by position
 limit $2
