//! Every statement the gateway sends, each in a file of its own. `ALL` lets a test prepare each one
//! against the real schema.

macro_rules! statements {
    ($($name:ident = $file:literal;)*) => {
        $(pub const $name: &str = include_str!(concat!("sql/", $file, ".sql"));)*
        /// (file, text) of every statement.
        pub const ALL: &[(&str, &str)] = &[$(($file, $name)),*];
    };
}

/// The file of a statement's text.
pub fn name_of(text: &str) -> &'static str {
    ALL.iter().find(|(_, known)| *known == text).map_or("plain", |(file, _)| file)
}

statements! {
    CREATE_EXTENSION = "create_extension";
    UPDATE_EXTENSION = "update_extension";
    INSTALL = "install";
    EXTENSION = "extension";
    PUT_LOGIN = "put_login";
    LAYOUT = "layout";
    PUT_PRODUCT = "put_product";
    DELETE_PRODUCT = "delete_product";
    PRODUCTS = "products";
    PUT_WAREHOUSE = "put_warehouse";
    DELETE_WAREHOUSE = "delete_warehouse";
    WAREHOUSES = "warehouses";
    LEVELS = "levels";
    LEVELS_OF = "levels_of";
    LOW_LEVELS = "low_levels";
    LOTS = "lots";
    LOW_STOCK = "low_stock";
    STOCK_PAGE = "stock_page";
    LOW_PAGE = "low_page";
    AUDIT = "audit";
    EVENTS_NOW = "events_now";
    READ_EVENTS = "read_events";
    EXECUTE_MANY = "execute_many";
    REMEMBERED_REQUESTS = "remembered_requests";
    CONFIRM = "confirm";
    RELEASE = "release";
    RESERVATION = "reservation";
    CREATE_ORDER = "create_order";
    START_ORDER = "start_order";
    COMPLETE_ORDER = "complete_order";
    FAIL_ORDER = "fail_order";
    REVERT_ORDER = "revert_order";
    ORDER = "order";
    ORDERS = "orders";
    ORDER_LINES = "order_lines";
    ORDER_HISTORY = "order_history";
    BEGIN_SAGA = "begin_saga";
    CLAIM_SAGAS = "claim_sagas";
    ADVANCE_SAGA = "advance_saga";
    RETRY_SAGA = "retry_saga";
    SAGA = "saga";
    SAGAS = "sagas";
    SAGA_STEPS = "saga_steps";
    OPEN_SAGAS = "open_sagas";
    HOT_SKUS = "hot_skus";
    SET_HOT = "set_hot";
    API_KEYS = "api_keys";
    TOUCH_API_KEYS = "touch_api_keys";
    CREATE_API_KEY = "create_api_key";
    REVOKE_API_KEY = "revoke_api_key";
    TAKE_LEASE = "take_lease";
    RENEW_LEASES = "renew_leases";
    SETTLE_LEASE = "settle_lease";
    RETURN_LEASE = "return_lease";
    REPAIR_LEASES = "repair_leases";
    REPORT_FINDINGS = "report_findings";
    CONFIRM_TICKET = "confirm_ticket";
    REJECT_TICKET = "reject_ticket";
    RUN_TICKET = "run_ticket";
    OPEN_TICKETS = "open_tickets";
    TICKETS = "tickets";
    START_SHADOW = "start_shadow";
    STOP_SHADOW = "stop_shadow";
    FEED_SHADOW = "feed_shadow";
    SHADOWS = "shadows";
    SHADOW_DRIFT = "shadow_drift";
    CLOCK = "clock";
    WHEREABOUTS = "whereabouts";
    OVERDUE_LEASES = "overdue_leases";
    LEASED_UNITS = "leased_units";
    LEASES_OF = "leases_of";
    PING = "ping";
    SHOWN_LEVELS = "shown_levels";
    OUTBOX_BACKLOG = "outbox_backlog";
    FINDINGS = "findings";
    PILES = "piles";
    PUT_SINK = "put_sink";
    PAUSE_SINK = "pause_sink";
    RESUME_SINK = "resume_sink";
    DROP_SINK = "drop_sink";
    SINKS = "sinks";
    OUTBOX = "outbox";
    PARKED_EVENTS = "parked_events";
    PENDING_EVENTS = "pending_events";
    REDRIVE = "redrive";
    TAKE_TURNS = "take_turns";
    GIVE_TURNS = "give_turns";
    DUE_EVENTS = "due_events";
    SAVE_PROGRESS = "save_progress";
    RECEIVE = "receive";
    DEDUCT = "deduct";
    DEDUCT_NOW = "deduct_now";
    ADJUST = "adjust";
    RECOUNT = "recount";
    TRANSFER = "transfer";
    DEDUCT_MANY = "deduct_many";
    RECEIVE_EACH = "receive_each";
    ADJUST_EACH = "adjust_each";
    PUT_PRODUCT_EACH = "put_product_each";
    EXISTING_PRODUCTS = "existing_products";
    KNOWN_REQUESTS = "known_requests";
    CLAIM_RECORD = "claim_record";
    MOVEMENTS_EXIST = "movements_exist";
    VERIFY = "verify";
    DOCTOR = "doctor";
    SERVER_FACTS = "server_facts";
    ROLES = "roles";
    SCRATCH_SETUP = "scratch_setup";
    SCRATCH_DROP = "scratch_drop";
    SCRATCH_FILL = "scratch_fill";
    SCRATCH_LOOK = "scratch_look";
    SCRATCH_LOCK = "scratch_lock";
    SCRATCH_WRITE = "scratch_write";
    SCRATCH_SALE = "scratch_sale";
    SCRATCH_SELL = "scratch_sell";
}
