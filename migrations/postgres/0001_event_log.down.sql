drop table parked_events;
drop table checkpoints;
drop table idempotency_keys;
drop table events;
drop function events_are_append_only();
drop function event_log_next_position();
drop table event_log_head;
