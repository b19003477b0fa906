-- Writes views as they are after a batch. Nobody else writes this table: the worker has moved the checkpoint
-- in the same transaction, so that there is nothing to compare here.
-- $1 ids; $2 versions; $3 positions; $4 by what lists are sorted; $5 where a search looks; $6 views; $7 what the
-- fold remembers.
insert into {table} as v (id, version, position, listed_at, search, view, memory)
select n.id, n.version, n.position, n.listed_at, n.search, n.view::jsonb, n.memory::jsonb
  from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::text[], $6::text[], $7::text[])
       as n (id, version, position, listed_at, search, view, memory)
on conflict (id) do update
   set version   = excluded.version,
       position  = excluded.position,
       listed_at = excluded.listed_at,
       search    = excluded.search,
       view      = excluded.view,
       memory    = excluded.memory
