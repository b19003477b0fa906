-- What consumers have put aside. $1: of this consumer, or of all; $2: how many at the most.
select consumer, key, position, event_id, event_type, reason, parked_at
  from parked_events
 where $1::text is null or consumer = $1
 order by consumer, key, position
 limit $2
