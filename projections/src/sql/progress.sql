-- Where each of the consumers stands, at one moment. $1: their names.
-- A consumer that never ran has no row in `checkpoints`: it stands at 0.
select c.consumer,
       coalesce(k.position, 0)                                            as checkpoint,
       k.updated_at,
       h.position                                                         as head,
       (select e.recorded_at
          from events e
         where e.position = coalesce(k.position, 0) + 1
         limit 1)                                                         as behind_since,
       (select count(*) from parked_events p where p.consumer = c.consumer) as parked
  from event_log_head h
 cross join unnest($1::text[]) as c (consumer)
  left join checkpoints k using (consumer)
