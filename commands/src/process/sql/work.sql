-- New work, due at once.
insert into process_work (work_id, process, id, seq, cause, traceparent, work, status, next_attempt_at, created_at)
select n.work_id, $1, n.id, n.seq, n.cause, n.traceparent, n.work, 'due', $8, $8
  from unnest($2::uuid[], $3::uuid[], $4::bigint[], $5::uuid[], $6::text[], $7::jsonb[])
       as n (work_id, id, seq, cause, traceparent, work)
