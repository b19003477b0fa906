-- Views: what the projections make of the log. One table for each version of each projection; a new version
-- gets a new table, so that it can be filled beside the live one.
--
-- The first seven columns are the same in every table and are what the projector writes:
--   id         what the view is about
--   version    the sequence of the last event of that stream that is in the view
--   position   the position of the last event that is in the view
--   listed_at  by what lists are sorted; null: it stands in no list (a discarded order)
--   search     where a text search looks, in lower case
--   view       what readers see
--   memory     what the fold must remember besides; null: nothing
-- The others are generated from the view, for what lists are filtered by. A moment cannot be generated, because
-- reading a time from text depends on settings: that is why `listed_at` is written.
--
-- Rows are rewritten several times in their first minutes: the fill factor leaves room to do that in place.
-- Each further index costs every such rewrite, so there is one only for what would else read the whole table;
-- a filter by location, or a text search, goes along the index of the list's order.

create table view_order_summary_v1 (
    id        uuid        primary key,
    version   bigint      not null,
    position  bigint      not null,
    listed_at timestamptz,
    search    text,
    view      jsonb       not null,
    memory    jsonb,
    status    text        generated always as (view ->> 'status') stored,
    stage     text        generated always as (view ->> 'stage') stored,
    customer  uuid        generated always as ((view ->> 'customer')::uuid) stored,
    location  text        generated always as (view ->> 'location') stored
) with (fillfactor = 70);

create index view_order_summary_v1_list on view_order_summary_v1 (listed_at, id) where listed_at is not null;
create index view_order_summary_v1_status on view_order_summary_v1 (status, listed_at, id) where listed_at is not null;
create index view_order_summary_v1_customer on view_order_summary_v1 (customer, listed_at, id)
    where customer is not null and listed_at is not null;

create table view_order_timeline_v1 (
    id        uuid        primary key,
    version   bigint      not null,
    position  bigint      not null,
    listed_at timestamptz,
    search    text,
    view      jsonb       not null,
    memory    jsonb
) with (fillfactor = 70);

create table view_kitchen_board_v1 (
    id        uuid        primary key,
    version   bigint      not null,
    position  bigint      not null,
    listed_at timestamptz,
    search    text,
    view      jsonb       not null,
    memory    jsonb,
    status    text        generated always as (view ->> 'status') stored,
    stage     text        generated always as (view ->> 'stage') stored,
    order_id  uuid        generated always as ((view ->> 'order_id')::uuid) stored,
    location  text        generated always as (view ->> 'location') stored
) with (fillfactor = 70);

create index view_kitchen_board_v1_list on view_kitchen_board_v1 (listed_at, id) where listed_at is not null;
create index view_kitchen_board_v1_status on view_kitchen_board_v1 (status, listed_at, id) where listed_at is not null;
create index view_kitchen_board_v1_order on view_kitchen_board_v1 (order_id) where order_id is not null;

create table view_payments_v1 (
    id        uuid        primary key,
    version   bigint      not null,
    position  bigint      not null,
    listed_at timestamptz,
    search    text,
    view      jsonb       not null,
    memory    jsonb,
    stage     text        generated always as (view ->> 'stage') stored,
    order_id  uuid        generated always as ((view ->> 'order_id')::uuid) stored
) with (fillfactor = 70);

create index view_payments_v1_list on view_payments_v1 (listed_at, id) where listed_at is not null;
create index view_payments_v1_stage on view_payments_v1 (stage, listed_at, id) where listed_at is not null;
create index view_payments_v1_order on view_payments_v1 (order_id);

create table view_shipments_v1 (
    id        uuid        primary key,
    version   bigint      not null,
    position  bigint      not null,
    listed_at timestamptz,
    search    text,
    view      jsonb       not null,
    memory    jsonb,
    stage     text        generated always as (view ->> 'stage') stored,
    courier   text        generated always as (view ->> 'courier') stored,
    order_id  uuid        generated always as ((view ->> 'order_id')::uuid) stored,
    location  text        generated always as (view ->> 'location') stored
) with (fillfactor = 70);

create index view_shipments_v1_list on view_shipments_v1 (listed_at, id) where listed_at is not null;
create index view_shipments_v1_stage on view_shipments_v1 (stage, listed_at, id) where listed_at is not null;
create index view_shipments_v1_courier on view_shipments_v1 (courier, listed_at, id)
    where courier is not null and listed_at is not null;
create index view_shipments_v1_order on view_shipments_v1 (order_id);
