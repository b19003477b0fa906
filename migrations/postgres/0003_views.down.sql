drop table view_shipments_v1;
drop table view_payments_v1;
drop table view_kitchen_board_v1;
drop table view_order_timeline_v1;
drop table view_order_summary_v1;
-- They stand at positions of tables that are gone.
delete from checkpoints
 where consumer in ('order_summary_v1', 'order_timeline_v1', 'kitchen_board_v1', 'payments_v1', 'shipments_v1');
delete from parked_events
 where consumer in ('order_summary_v1', 'order_timeline_v1', 'kitchen_board_v1', 'payments_v1', 'shipments_v1');
