-- Work that may be tried now: of each process only the first that is still to be done, so that its order is kept.
select w.work_id, w.id, w.seq, w.cause, w.traceparent, w.work, w.attempts
  from process_work w
 where w.process = $1 and w.status = 'due' and w.next_attempt_at <= $2 and not (w.id = any ($3))
   and not exists (select 1
                     from process_work e
                    where e.process = w.process and e.id = w.id and e.seq < w.seq and e.status = 'due')
 order by w.next_attempt_at
 limit $4
