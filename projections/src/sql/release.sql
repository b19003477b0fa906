-- Forgets parked events that are dealt with. An event that could not be read was put aside under every key that
-- it might have been about ($3: it is folded now, so it is forgotten under all of them); one that turned out to
-- be about something else ($4) is forgotten under this key ($2) only.
delete from parked_events
 where consumer = $1
   and (position = any($3::bigint[]) or (key = $2 and position = any($4::bigint[])))
