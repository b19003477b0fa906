-- The processes that a turn touches, with the numbers at which their journal and their work go on.
select p.id, p.version, p.state, p.started_at,
       coalesce((select max(seq) from process_journal j where j.process = p.process and j.id = p.id), 0) as journal,
       coalesce((select max(seq) from process_work w where w.process = p.process and w.id = p.id), 0) as work
  from processes p
 where p.process = $1 and p.id = any ($2)
