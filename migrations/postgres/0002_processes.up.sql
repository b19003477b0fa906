-- Process managers: what they know, what they did, what they still have to do, and when they want to be woken.

create table processes (
    process     text        not null,
    id          uuid        not null,
    -- Moved by compare-and-set: two workers can never both act.
    version     bigint      not null,
    status      text        not null,
    step        text        not null,
    waiting_for text        not null,
    attention   text,
    state       jsonb       not null,
    -- The last numbers given out in its journal and to its work.
    journal_seq bigint      not null,
    work_seq    bigint      not null,
    -- The trace of the request that began it: what a timer sets off belongs to it too.
    traceparent text,
    started_at  timestamptz not null,
    updated_at  timestamptz not null,
    primary key (process, id)
) with (fillfactor = 70);

create index processes_by_status on processes (process, status, updated_at desc, id);

-- Append-only: every input, attempt, decision, error and operator's action, in order.
create table process_journal (
    process text        not null,
    id      uuid        not null,
    seq     bigint      not null,
    at      timestamptz not null,
    kind    text        not null,
    entry   jsonb       not null,
    primary key (process, id, seq)
);

-- Due work: stored in the transaction that decided it, tried until it is done or given up. Work of one process
-- is done in the order of `seq`.
create table process_work (
    work_id         uuid        primary key,
    process         text        not null,
    id              uuid        not null,
    seq             bigint      not null,
    cause           uuid,
    traceparent     text,
    work            jsonb       not null,
    status          text        not null check (status in ('due', 'done', 'dead')),
    attempts        integer     not null default 0,
    next_attempt_at timestamptz not null,
    last_error      text,
    created_at      timestamptz not null,
    finished_at     timestamptz
) with (fillfactor = 70);

create index process_work_due on process_work (process, next_attempt_at) where status = 'due';
create index process_work_open on process_work (process, id, seq) where status <> 'done';

create table process_timers (
    process text        not null,
    id      uuid        not null,
    name    text        not null,
    due_at  timestamptz not null,
    primary key (process, id, name)
);

create index process_timers_due on process_timers (process, due_at);
