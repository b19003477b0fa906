-- A view ($1) with how long its stream ($2, $3) is and whether the consumer ($4) has put it aside: one
-- statement, so that all of it is true at the same moment. Both look-ups are one step in an index.
select v.id, v.version, v.position, v.view::text as view,
       coalesce((select e.sequence
                   from events e
                  where e.aggregate_type = $2 and e.aggregate_id = $3
                  order by e.sequence desc
                  limit 1), 0)  as head,
       p.position               as parked_position,
       p.reason                 as parked_reason
  from (select $1::uuid as id) asked
  left join {table} v on v.id = asked.id
  left join lateral (select position, reason
                       from parked_events
                      where consumer = $4 and key = $3
                      order by position
                      limit 1) p on true
