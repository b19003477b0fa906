-- The log. `events` keeps the seven columns of postgres-es, so that a stock repository can read and append;
-- what Spindle adds has defaults for the same reason.

-- Holds the last position. Whoever appends takes the row lock and so the next positions; a rollback gives
-- them back. That makes positions gapless and equal to commit order.
create table event_log_head (
    only_row boolean primary key default true check (only_row),
    position bigint not null check (position >= 0),
    -- Tells this log from every other, so that a consumer never takes another log's message for its own.
    log_id   uuid   not null default gen_random_uuid()
) with (fillfactor = 10);

insert into event_log_head (position) values (0);

-- The default of `events.position`, for writers that do not know the column.
create function event_log_next_position() returns bigint
    language sql volatile
    as 'update event_log_head set position = position + 1 returning position';

create table events (
    aggregate_type text        not null,
    aggregate_id   text        not null,
    sequence       bigint      not null check (sequence >= 0),
    event_type     text        not null,
    event_version  text        not null,
    payload        json        not null,
    metadata       json        not null,
    position       bigint      not null default event_log_next_position(),
    event_id       uuid        not null default gen_random_uuid(),
    recorded_at    timestamptz not null default clock_timestamp(),
    primary key (aggregate_type, aggregate_id, sequence)
);

-- Not unique: postgres-es reports every unique violation as a conflict between writers, and the head row
-- already makes positions unique.
create index events_by_position on events (position);

create function events_are_append_only() returns trigger
    language plpgsql
    as $$
begin
    raise exception 'events are append-only: % is refused', tg_op;
end
$$;

create trigger events_are_append_only
    before update or delete or truncate on events
    for each statement execute function events_are_append_only();

-- One row for each command that came with a key: claimed in the statement that stores its events. The answer
-- is not kept: it is the aggregate at that version, rendered again.
create table idempotency_keys (
    scope          text        not null,
    key            text        not null,
    fingerprint    bytea       not null,
    aggregate_type text        not null,
    aggregate_id   text        not null,
    version        bigint      not null,
    position       bigint      not null,
    created_at     timestamptz not null default clock_timestamp(),
    primary key (scope, key)
);

-- How far each consumer of the log has come: everything up to this position is done.
create table checkpoints (
    consumer   text        primary key,
    position   bigint      not null check (position >= 0),
    updated_at timestamptz not null default clock_timestamp()
) with (fillfactor = 50);

-- Events that a consumer could not handle, and what follows them under the same key.
create table parked_events (
    consumer   text        not null,
    key        text        not null,
    position   bigint      not null,
    event_id   uuid        not null,
    event_type text        not null,
    reason     text        not null,
    parked_at  timestamptz not null default clock_timestamp(),
    primary key (consumer, key, position)
);
