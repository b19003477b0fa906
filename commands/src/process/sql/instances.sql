-- The processes that a turn touches, with the numbers at which their journal and their work go on.
select id, version, state, journal_seq as journal, work_seq as work, traceparent, started_at
  from processes
 where process = $1 and id = any ($2)
