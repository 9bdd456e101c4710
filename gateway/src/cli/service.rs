//! Where the commands about stock are carried out: on the database, or by a gateway. Both take the
//! same calls and give the same answers, so that nothing that is printed depends on the way.

use crate::client::Client;
use crate::error::Result;
use crate::store::{
    Answer, AuditFilter, Caller, Closed, Date, Goods, Hold, HotPlace, HotSku, Level, Lot, Moved,
    Movement, NewOrder, NewProduct, Order, OrderDetail, OrderFilter, OutboxEvent, OutboxPlace,
    Product, Put, Reserved, Session, Step, Wanted, Warehouse,
};
use uuid::Uuid;

pub enum Service {
    Database(Session),
    Gateway(Box<Client>),
}

/// A call that goes the one way or the other.
macro_rules! either {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {
        impl Service {
            $(pub async fn $name(&mut self, $($argument: $kind),*) -> Result<$answer> {
                match self {
                    Service::Database(session) => session.$name($($argument),*).await,
                    Service::Gateway(client) => client.$name($($argument),*).await,
                }
            })*
        }
    };
}

either! {
    put_product(product: &NewProduct, caller: &Caller) -> Put;
    delete_product(sku: &str, caller: &Caller) -> Put;
    product(sku: &str) -> Product;
    list_products(after: Option<&str>, limit: i64) -> Vec<Product>;
    put_warehouse(warehouse: &Warehouse, caller: &Caller) -> Put;
    delete_warehouse(warehouse_id: i32, caller: &Caller) -> Put;
    warehouses() -> Vec<Warehouse>;
    receive(goods: &Goods, qty: i64, expires_on: Option<Date>, reason: &str, caller: &Caller) -> Answer;
    deduct(goods: &Goods, qty: i64, reason: &str, caller: &Caller) -> Answer;
    adjust(goods: &Goods, delta: i64, reason: &str, caller: &Caller) -> Answer;
    recount(goods: &Goods, counted: i64, expected_version: Option<i64>, reason: &str, caller: &Caller) -> Answer;
    transfer(goods: &Goods, to_warehouse: i32, qty: i64, reason: &str, caller: &Caller) -> [Answer; 2];
    levels(sku: Option<&str>, warehouse_id: Option<i32>, only_low: bool, limit: i64) -> Vec<Level>;
    lots(sku: &str, warehouse_id: Option<i32>, limit: i64) -> Vec<Lot>;
    audit(filter: &AuditFilter, limit: i64) -> Vec<Movement>;
    reserve(wanted: &[Wanted], ttl_seconds: i64, caller: &Caller) -> Reserved;
    hold(id: Uuid) -> Hold;
    confirm(hold: Uuid, quantity: Option<i64>, caller: &Caller) -> Closed;
    release(hold: Uuid, reason: &str, caller: &Caller) -> Closed;
    create_order(order: &NewOrder, caller: &Caller) -> (i64, Moved);
    move_order(order_no: &str, step: Step, reason: Option<&str>, caller: &Caller) -> Moved;
    order_detail(order_no: &str) -> OrderDetail;
    orders(filter: &OrderFilter, limit: i64) -> Vec<Order>;
    hot_skus(after: Option<&HotPlace>, limit: i64) -> Vec<HotSku>;
    set_hot(sku: &str, hot: bool, caller: &Caller) -> bool;
    outbox(status: Option<&str>, after: Option<&OutboxPlace>, limit: i64) -> Vec<OutboxEvent>;
    redrive(id: i64, sink: Option<&str>, caller: &Caller) -> bool;
}
