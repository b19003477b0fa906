-- New states, by compare-and-set on the version: fewer rows than asked for means that another worker is active.
insert into processes as p (process, id, version, status, step, waiting_for, attention, state, started_at, journal_seq,
                            work_seq, traceparent, updated_at)
select $1, r.id, r.before + 1, r.status, r.step, r.waiting_for, r.attention, r.state, r.started_at, r.journal_seq,
       r.work_seq, r.traceparent, $13
  from unnest($2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::jsonb[], $9::timestamptz[],
              $10::bigint[], $11::bigint[], $12::text[])
       as r (id, before, status, step, waiting_for, attention, state, started_at, journal_seq, work_seq, traceparent)
    on conflict (process, id) do update
   set version = excluded.version, status = excluded.status, step = excluded.step,
       waiting_for = excluded.waiting_for, attention = excluded.attention, state = excluded.state,
       journal_seq = excluded.journal_seq, work_seq = excluded.work_seq, updated_at = excluded.updated_at
 where p.version = excluded.version - 1
