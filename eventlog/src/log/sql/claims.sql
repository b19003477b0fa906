-- Which of these keys are claimed, and what their commands did.
select c.scope, c.key, c.fingerprint, c.aggregate_type, c.aggregate_id, c.version, c.position
  from unnest($1::text[], $2::text[]) as k (scope, key)
  join idempotency_keys c using (scope, key)
