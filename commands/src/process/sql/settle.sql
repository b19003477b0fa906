-- What became of work that was tried. Only due work can be settled: fewer rows than asked for means that
-- another worker has settled it.
update process_work w
   set status = s.status, attempts = s.attempts, next_attempt_at = s.next_attempt_at, last_error = s.error,
       finished_at = case when s.status = 'due' then null else $7::timestamptz end
  from unnest($2::uuid[], $3::text[], $4::int[], $5::timestamptz[], $6::text[])
       as s (work_id, status, attempts, next_attempt_at, error)
 where w.work_id = s.work_id and w.process = $1 and w.status = 'due'
