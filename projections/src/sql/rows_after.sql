-- The table from end to end, a page at a time, in the order of its primary key. $1: the last id seen, if any.
select id, version, position, view::text as view, memory::text as memory
  from {table}
 where $1::uuid is null or id > $1
 order by id
 limit $2
