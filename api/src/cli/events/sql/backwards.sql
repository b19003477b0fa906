-- Events that were caused by an event that stands behind them, or by themselves: causes come first, so one of the
-- two is not what it says. Metadata of foreign writers may hold anything, so names are compared as text.
--
-- The join sorts the log once and spills to disk, because nothing else ever looks an event up by its own name and
-- an index for this alone would cost every append. It is materialized to keep the limit away from it: believing
-- that few rows will do, the planner would compare every event with every other instead.
--
-- $1 the last position that is looked at; $2 how many are named at the most
with backwards as materialized (
    select e.position, c.position as cause
      from events e
      join events c on c.event_id::text = lower(e.metadata ->> 'causation_id')
     where e.position <= $1
       and c.position >= e.position
)
select position, cause
  from backwards
 order by position, cause
 limit $2
