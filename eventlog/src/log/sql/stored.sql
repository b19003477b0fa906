-- What stands at these places in streams, and how long those streams are: tells what became of a batch whose
-- answer was lost, and who was first after a unique violation.
select p.aggregate_type, p.aggregate_id, e.event_id, e.position, e.recorded_at,
       coalesce((select max(h.sequence)
                   from events h
                  where h.aggregate_type = p.aggregate_type and h.aggregate_id = p.aggregate_id), 0) as head
  from unnest($1::text[], $2::text[], $3::bigint[]) as p (aggregate_type, aggregate_id, sequence)
  left join events e using (aggregate_type, aggregate_id, sequence)
