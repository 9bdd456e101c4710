//! Whatever is handed to a function: the catalogue's code, never an internal error, and nothing
//! changed.

use inventory_tests::{Database, Pg, Session, User, promises};

promises!(
    single_commands_refuse_bad_arguments,
    master_data_refuses_bad_arguments,
    order_numbers_refuse_bad_arguments,
    deduct_many_refuses_malformed_arrays,
    deduct_many_refuses_bad_lines_alone,
    limits_are_inclusive,
    odd_dates_are_no_internal_error,
    sagas_refuse_bad_arguments,
    install_refuses_bad_arguments,
    tickets_and_shadows_refuse_bad_arguments,
);

/// Texts no label may be: empty, too long, with control characters.
const BAD_TEXTS: [&str; 7] = [
    "''",
    "repeat('x', 65)",
    "repeat('ü', 65)",
    r"E'a\x01b'",
    r"E'line\nbreak'",
    r"E'\x7f'",
    r"U&'next\0085line'",
];

/// Numbers no quantity may be.
const BAD_QUANTITIES: [&str; 7] = [
    "NULL",
    "0",
    "-1",
    "1000000000001",
    "9223372036854775807",
    "-9223372036854775807",
    "(-9223372036854775808)::bigint",
];

/// The commands on stock: a template with its good arguments marked, so that each can be spoiled.
const COMMANDS: [&str; 6] = [
    "receive(sku => 'A', qty => 1, warehouse_id => 1, reason => 'r'",
    "deduct(sku => 'A', qty => 1, warehouse_id => 1, reason => 'r'",
    "try_deduct(sku => 'A', qty => 1, warehouse_id => 1, reason => 'r'",
    "adjust(sku => 'A', delta => 1, warehouse_id => 1, reason => 'r'",
    "recount(sku => 'A', counted => 1, warehouse_id => 1, reason => 'r'",
    "transfer(sku => 'A', qty => 1, from_warehouse => 1, to_warehouse => 2, reason => 'r'",
];

async fn shop(pg: &Pg) -> Database {
    let db = pg.database().await;
    db.stock(&[("A", 10), ("B", 10)]).await;
    let mut admin = db.admin().await;
    admin.run("SELECT inventory.put_warehouse(2, 'NORTH', 'North')").await;
    admin.run("SELECT inventory.put_product('LOT', 'By lot', lot_controlled => true)").await;
    admin.run("SELECT inventory.receive('LOT', 5, lot => 'x', expires_on => '2999-01-01')").await;
    db
}

/// The code a call ends with, raised or in its row.
async fn code_of(session: &mut Session, call: &str) -> String {
    let as_row = call.starts_with("try_deduct");
    match session.query(&format!("SELECT code FROM inventory.{call}")).await {
        Ok(answer) if as_row => {
            let name = answer.to_string();
            let code = inventory_core::Code::from_name(&name);
            code.map_or(format!("row {name}"), |c| c.sqlstate().to_owned())
        }
        Ok(answer) => format!("answered {answer}"),
        Err(refused) => {
            assert!(!as_row, "try_deduct raised {refused} for {call}");
            assert!(!refused.hint.is_empty(), "{call}: {refused}");
            refused.sqlstate
        }
    }
}

/// Runs every call and compares its code; reports all that differ at once.
async fn check_all(db: &Database, user: User, cases: &[(String, &str)]) {
    let before = db.digest().await;
    let mut session = db.session(user).await;
    let mut wrong = Vec::new();
    for (call, expected) in cases {
        let code = code_of(&mut session, call).await;
        if code != *expected {
            wrong.push(format!("{call}: {code}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert_eq!(db.digest().await, before, "bad input changes nothing");
    db.verify_is_clean().await;
}

/// The call with one argument given otherwise, or added.
fn with(command: &str, argument: &str, value: &str) -> String {
    let marker = format!("{argument} => ");
    let Some(at) = command.find(&marker) else {
        return format!("{command}, {argument} => {value})");
    };
    let from = at + marker.len();
    let to = command[from..].find(',').map_or(command.len(), |comma| from + comma);
    format!("{}{value}{})", &command[..from], &command[to..])
}

async fn single_commands_refuse_bad_arguments(pg: Pg) {
    let db = shop(&pg).await;
    let mut cases = Vec::new();
    for command in COMMANDS {
        for argument in ["sku", "lot", "reason", "operator", "trace_id"] {
            for text in BAD_TEXTS {
                cases.push((with(command, argument, text), "IV004"));
            }
        }
        for argument in ["sku", "reason"] {
            cases.push((with(command, argument, "NULL"), "IV004"));
        }
        let places: &[&str] = match command.starts_with("transfer") {
            true => &["from_warehouse", "to_warehouse"],
            false => &["warehouse_id"],
        };
        for place in places {
            cases.push((with(command, place, "NULL"), "IV004"));
            for id in ["0", "-1", "1000", "2147483647", "(-2147483648)::int"] {
                cases.push((with(command, place, id), "IV003"));
            }
        }
        if command.contains("qty") {
            for quantity in BAD_QUANTITIES {
                cases.push((with(command, "qty", quantity), "IV004"));
            }
        }
    }
    for delta in ["NULL", "0", "1000000000001", "-1000000000001", "9223372036854775807"] {
        cases.push((with(COMMANDS[3], "delta", delta), "IV004"));
    }
    cases.push((with(COMMANDS[3], "delta", "(-9223372036854775808)::bigint"), "IV004"));
    for counted in ["NULL", "-1", "1000000000001", "9223372036854775807"] {
        cases.push((with(COMMANDS[4], "counted", counted), "IV004"));
    }
    cases.push((with(COMMANDS[4], "expected_version", "9223372036854775807"), "IV012"));
    cases.push((with(COMMANDS[4], "expected_version", "-1"), "IV012"));
    cases.push((with(COMMANDS[0], "expires_on", "'2999-01-01'"), "IV004"));
    cases.push(("receive('LOT', 1)".into(), "IV004"));
    cases.push(("receive('LOT', 1, lot => 'x', expires_on => '2999-01-02')".into(), "IV004"));
    cases.push(("adjust('LOT', 1, 'r')".into(), "IV004"));
    cases.push(("deduct('LOT', 1, lot => 'nowhere')".into(), "IV011"));
    check_all(&db, User::Operator, &cases).await;
}

async fn master_data_refuses_bad_arguments(pg: Pg) {
    let db = shop(&pg).await;
    let product = "put_product(sku => 'P', name => 'n', unit => 'each'";
    let warehouse = "put_warehouse(warehouse_id => 3, code => 'THREE', name => 'n'";
    let mut cases = Vec::new();
    for text in BAD_TEXTS {
        cases.push((with(product, "sku", text), "IV004"));
        cases.push((with("delete_product(sku => 'A'", "sku", text), "IV004"));
        for call in
            [product, warehouse, "delete_product(sku => 'A'", "delete_warehouse(warehouse_id => 2"]
        {
            cases.push((with(call, "operator", text), "IV004"));
            cases.push((with(call, "trace_id", text), "IV004"));
        }
    }
    for argument in ["sku", "name", "unit", "lot_controlled", "attributes"] {
        cases.push((with(product, argument, "NULL"), "IV004"));
    }
    for attributes in ["'[]'", "'1'", "'null'", "'\"text\"'"] {
        cases.push((with(product, "attributes", attributes), "IV004"));
    }
    for threshold in ["-1", "(-9223372036854775808)::bigint"] {
        cases.push((with(product, "low_stock_threshold", threshold), "IV004"));
    }
    for argument in ["code", "name", "warehouse_id"] {
        cases.push((with(warehouse, argument, "NULL"), "IV004"));
    }
    for id in ["0", "-1", "1000", "2147483647", "(-2147483648)::int"] {
        cases.push((with(warehouse, "warehouse_id", id), "IV004"));
        cases.push((format!("delete_warehouse({id})"), "IV003"));
    }
    for (argument, text) in
        [("code", "''"), ("name", "''"), ("code", r"E'\n'"), ("name", r"E'\x01'")]
    {
        cases.push((with(warehouse, argument, text), "IV004"));
    }
    // A code that another warehouse has.
    cases.push(("put_warehouse(3, 'MAIN', 'n')".into(), "IV004"));
    // How a product counts cannot change under its goods.
    cases.push(("put_product('A', 'n', lot_controlled => true)".into(), "IV015"));
    cases.push(("put_product('LOT', 'n', lot_controlled => false)".into(), "IV015"));
    cases.push(("delete_product(NULL)".into(), "IV004"));
    cases.push(("delete_warehouse(NULL)".into(), "IV004"));
    check_all(&db, User::Admin, &cases).await;
}

async fn order_numbers_refuse_bad_arguments(pg: Pg) {
    let db = shop(&pg).await;
    let mut op = db.operator().await;
    for function in ["next_order_no", "next_order_id"] {
        for (id, sqlstate) in
            [("NULL", "IV004"), ("0", "IV003"), ("-1", "IV003"), ("1000", "IV003")]
        {
            op.check_refused(&format!("SELECT inventory.{function}({id})"), sqlstate, "").await;
        }
    }
}

/// The good call, and every way to get an argument as a whole wrong.
async fn deduct_many_refuses_malformed_arrays(pg: Pg) {
    let db = shop(&pg).await;
    let ids = "ARRAY[NULL, NULL]::uuid[]";
    let cases: Vec<(String, &str)> = [
        format!("{ids}, NULL, ARRAY[1, 1]"),
        format!("{ids}, ARRAY['A', 'A'], NULL"),
        "NULL, ARRAY['A', 'A'], ARRAY[1, 1]".into(),
        format!("{ids}, ARRAY['A'], ARRAY[1, 1]"),
        format!("{ids}, ARRAY['A', 'A'], ARRAY[1]"),
        format!("{ids}, ARRAY['A', 'A', 'A'], ARRAY[1, 1, 1]"),
        "ARRAY[NULL]::uuid[], ARRAY['A', 'A'], ARRAY[1, 1]".into(),
        format!("{ids}, ARRAY['A', 'A'], ARRAY[1, 1], ARRAY[1]"),
        format!("{ids}, ARRAY['A', 'A'], ARRAY[1, 1], NULL, ARRAY['r']"),
        format!("{ids}, ARRAY[['A'], ['A']], ARRAY[1, 1]"),
        format!("{ids}, ARRAY['A', 'A'], ARRAY[[1, 1]]"),
        "ARRAY[ARRAY[NULL, NULL]]::uuid[], ARRAY['A', 'A'], ARRAY[1, 1]".into(),
        format!("{ids}, ARRAY['A', 'A'], ARRAY[1, 1], ARRAY[[1, 1]]"),
        format!("{ids}, ARRAY['A', 'A'], ARRAY[1, 1], NULL, ARRAY[['r', 'r']]"),
        "array_fill(NULL::uuid, ARRAY[10001]), array_fill('A'::text, ARRAY[10001]), array_fill(1::bigint, ARRAY[10001])"
            .into(),
    ]
    .into_iter()
    .map(|arguments| (format!("deduct_many({arguments})"), "IV004"))
    .collect();
    check_all(&db, User::Operator, &cases).await;
    // Nothing to do is nothing wrong.
    let mut op = db.operator().await;
    op.check("SELECT * FROM inventory.deduct_many('{}', '{}', '{}')", "").await;
}

async fn deduct_many_refuses_bad_lines_alone(pg: Pg) {
    let db = shop(&pg).await;
    let before = db.digest().await;
    let mut op = db.operator().await;
    let mut lines: Vec<(String, &str, &str, &str, &str)> = Vec::new();
    for text in BAD_TEXTS {
        lines.push((text.into(), "1", "1", "'r'", "invalid_argument"));
        lines.push(("'A'".into(), "1", "1", text, "invalid_argument"));
    }
    for quantity in BAD_QUANTITIES {
        lines.push(("'A'".into(), quantity, "1", "'r'", "invalid_argument"));
    }
    lines.push(("NULL".into(), "1", "1", "'r'", "invalid_argument"));
    lines.push(("'NONE'".into(), "1", "1", "'r'", "unknown_sku"));
    for id in ["0", "-1", "77", "1000", "2147483647"] {
        lines.push(("'A'".into(), "1", id, "'r'", "unknown_warehouse"));
    }
    lines.push(("'A'".into(), "11", "1", "'r'", "insufficient_stock"));
    let column = |pick: fn(&(String, &str, &str, &str, &str)) -> String| {
        lines.iter().map(pick).collect::<Vec<_>>().join(", ")
    };
    let sql = format!(
        "SELECT string_agg(code, ',' ORDER BY line) FROM inventory.deduct_many(array_fill(NULL::uuid, ARRAY[{}]), \
         ARRAY[{}], ARRAY[{}]::bigint[], ARRAY[{}], ARRAY[{}])",
        lines.len(),
        column(|l| l.0.clone()),
        column(|l| l.1.into()),
        column(|l| l.2.into()),
        column(|l| l.3.into()),
    );
    let expected: Vec<_> = lines.iter().map(|l| l.4).collect();
    op.check(&sql, &expected.join(",")).await;
    assert_eq!(db.digest().await, before, "lines that are all refused change nothing");
}

async fn limits_are_inclusive(pg: Pg) {
    let db = shop(&pg).await;
    let mut op = db.operator().await;
    let mut admin = db.admin().await;
    admin.run("SELECT inventory.put_product(repeat('ü', 64), 'n', 0)").await;
    op.run("SELECT inventory.receive(repeat('ü', 64), 1000000000000, reason => repeat('ß', 64), operator => repeat('x', 64), trace_id => repeat('y', 64))")
        .await;
    op.check("SELECT on_hand FROM inventory.recount('A', 0, 'r')", "0").await;
    op.run("SELECT inventory.receive('A', 10000)").await;
    op.check(
        "SELECT count(*), min(code), min(available) FROM inventory.deduct_many(array_fill(NULL::uuid, ARRAY[10000]), \
         array_fill('A'::text, ARRAY[10000]), array_fill(1::bigint, ARRAY[10000]))",
        "10000|ok|0",
    )
    .await;
    // Arrays that do not begin at 1 are arrays all the same.
    op.check(
        "SELECT line, code FROM inventory.deduct_many('[5:6]={NULL,NULL}', '[0:1]={B,B}', '[-3:-2]={1,1}')",
        "1|ok\n2|ok",
    )
    .await;
    // A shelf has a limit too, far from where numbers overflow.
    db.owner()
        .await
        .run("UPDATE inventory.stock SET on_hand = 1000000000000000 - 1 WHERE sku = 'B'")
        .await;
    op.check_refused("SELECT inventory.receive('B', 2)", "IV004", "").await;
    op.run("SELECT inventory.receive('B', 1)").await;
    op.check_refused("SELECT inventory.adjust('B', 1, 'r')", "IV004", "").await;
}

async fn odd_dates_are_no_internal_error(pg: Pg) {
    let db = shop(&pg).await;
    let mut op = db.operator().await;
    for (at, date) in
        ["infinity", "-infinity", "4714-11-24 BC", "0001-01-01 BC", "5874897-12-31", "294276-12-31"]
            .iter()
            .enumerate()
    {
        let receive =
            format!("SELECT inventory.receive('LOT', 1, lot => 'd{at}', expires_on => '{date}')");
        match op.query(&receive).await {
            Ok(_) => {
                let shown =
                    format!("SELECT expires_on FROM inventory.stock_lot WHERE lot = 'd{at}'");
                op.check(&shown, date).await;
            }
            Err(refused) => assert_eq!(refused.sqlstate, "IV004", "{date}: {refused}"),
        }
    }
    op.run("SELECT inventory.deduct('LOT', 1)").await;
    op.run("SELECT * FROM inventory.stock_level").await;
    db.verify_is_clean().await;
}

async fn install_refuses_bad_arguments(pg: Pg) {
    let db = pg.bare_database().await;
    let mut owner = db.owner().await;
    owner.run("CREATE EXTENSION pg_inventory").await;
    for arguments in ["0", "-1", "NULL", "2147483647", "16, NULL"] {
        owner.check_refused(&format!("SELECT inventory.install({arguments})"), "IV004", "").await;
    }
    owner.check("SELECT count(*) FROM pg_class WHERE relnamespace = 'inventory'::regnamespace AND relkind IN ('r', 'p')", "0")
        .await;
    owner.check_refused("SELECT inventory.deduct('A', 1)", "IV013", "").await;
    owner.run("SELECT inventory.install()").await;
}

async fn tickets_and_shadows_refuse_bad_arguments(pg: Pg) {
    let db = shop(&pg).await;
    let report = "report_findings(scope => 'redis', looked_at => now(), kinds => ARRAY['on_hand'], \
                  subjects => ARRAY['A in 1'], expected => ARRAY['1'], found => ARRAY['2']";
    let feed = "feed_shadow(source => 'main', before => NULL, after => 'c', caught_up_at => now(), ids => ARRAY[1], \
                skus => ARRAY['A'], warehouse_ids => ARRAY[1], lots => ARRAY['x'], deltas => ARRAY[1], \
                on_hands => ARRAY[1], versions => ARRAY[1]";
    let mut cases = Vec::new();
    for (argument, values) in [
        ("scope", &["NULL", "'elsewhere'", "''"][..]),
        ("looked_at", &["NULL", "now() + interval '1 hour'"]),
        ("kinds", &["NULL", "ARRAY[NULL]::text[]", "ARRAY['']", "ARRAY['a', 'b']"]),
        ("subjects", &["NULL", "ARRAY[NULL]::text[]", "ARRAY['']", "'{}'"]),
        ("expected", &["NULL", "ARRAY[NULL]::text[]"]),
        ("found", &["NULL", "ARRAY[NULL]::text[]"]),
        ("complete", &["NULL"]),
    ] {
        cases.extend(values.iter().map(|value| (with(report, argument, value), "IV004")));
    }
    for (argument, values) in [
        ("source", &["NULL", "''", "'nobody'"][..]),
        ("after", &["NULL"]),
        ("ids", &["NULL", "ARRAY[NULL]::bigint[]", "'{}'"]),
        ("skus", &["NULL", "ARRAY['']", "ARRAY['A', 'B']"]),
        ("lots", &["NULL", "ARRAY[repeat('x', 65)]"]),
        ("deltas", &["NULL", "ARRAY[NULL]::bigint[]"]),
        ("on_hands", &["NULL"]),
        ("versions", &["NULL"]),
    ] {
        cases.extend(values.iter().map(|value| (with(feed, argument, value), "IV004")));
    }
    cases.push((with(feed, "warehouse_ids", "ARRAY[0]"), "IV003"));
    for call in [
        "confirm_ticket(NULL)",
        "confirm_ticket(1, counted => -1)",
        "confirm_ticket(1, counted => 1000000000001)",
        "reject_ticket(1, NULL)",
        "reject_ticket(1, '')",
        "run_ticket(NULL)",
        "run_ticket(1, operator => '')",
        "run_ticket(1, trace_id => repeat('x', 65))",
        "start_shadow(NULL, 1)",
        "start_shadow('', 1)",
        "start_shadow('main', 0)",
        "start_shadow('main', 1000001)",
        "start_shadow('main', NULL)",
        "start_shadow('main', 1, 'moon')",
        "start_shadow('main', 1, NULL)",
        "stop_shadow('nobody')",
        "stop_shadow(NULL)",
    ] {
        cases.push((call.to_owned(), "IV004"));
    }
    for call in ["confirm_ticket(-1)", "reject_ticket(9223372036854775807, 'r')", "run_ticket(1)"] {
        cases.push((call.to_owned(), "IV018"));
    }
    let mut op = db.operator().await;
    for (call, code) in &cases {
        let refused = op.refused(&format!("SELECT inventory.{call}")).await;
        assert_eq!(refused.sqlstate, *code, "{call}: {refused}");
    }
    db.verify_is_clean().await;
}

async fn sagas_refuse_bad_arguments(pg: Pg) {
    let db = shop(&pg).await;
    let mut op = db.operator().await;
    let step = r#"{"name": "a", "participant": "b", "action": "c"}"#;
    let begin = |name: &str, definition: &str, input: &str| {
        format!("SELECT inventory.begin_saga({name}, {definition}, {input})")
    };
    let good = format!(r#"'{{"steps": [{step}]}}'"#);
    let nested = |deep: usize| {
        format!("('{{\"x\": ' || repeat('[', {deep}) || repeat(']', {deep}) || '}}')::jsonb")
    };
    for (call, detail) in [
        (begin("NULL", &good, "'{}'"), "name must not be NULL"),
        (begin("'A b'", &good, "'{}'"), "name: \"A b\" must have"),
        (begin("'a'", "NULL", "'{}'"), "definition must not be NULL"),
        (begin("'a'", "'[]'", "'{}'"), "definition must be a JSON object"),
        (begin("'a'", "'{}'", "'{}'"), "definition: missing field `steps`"),
        (begin("'a'", &good.replace("\"c\"", "7"), "'{}'"), "definition: invalid type"),
        (begin("'a'", &good.replace("\"c\"", "\"C\""), "'{}'"), "steps[0].action: \"C\" must"),
        (begin("'a'", &good, "NULL"), "input must not be NULL"),
        (begin("'a'", &good, "'[]'"), "input must be a JSON object"),
        (
            begin("'a'", &good, "jsonb_build_object('x', repeat('x', 300000))"),
            "input must have at most",
        ),
        // Kept by PostgreSQL, and readable by nobody who is told of it.
        (begin("'a'", &good, r#"'{"x": 1e999}'"#), "input: number out of range"),
        (begin("'a'", &good, &nested(64)), "input: at most 64 levels"),
        (begin("'a'", &good, &nested(5_000)), "input: recursion limit"),
        (begin("'a'", &good, "'{}', operator => ''"), "operator must have"),
        ("SELECT inventory.claim_sagas(NULL, '1 minute')".into(), "holder must not be NULL"),
        ("SELECT inventory.claim_sagas('a', '0')".into(), "ttl must be more than 0"),
        ("SELECT inventory.claim_sagas('a', NULL)".into(), "ttl must not be NULL"),
        ("SELECT inventory.claim_sagas('a', '1 minute', 0)".into(), "max_sagas must be 1 to"),
        ("SELECT inventory.retry_saga(NULL)".into(), "saga_id must not be NULL"),
        ("SELECT inventory.retry_saga(gen_random_uuid(), NULL)".into(), "revert must not be NULL"),
    ] {
        op.check_refused(&call, "IV004", detail).await;
    }
    let id = op.text(&begin("'a'", &good, "'{}'").replace("SELECT ", "SELECT saga_id FROM ")).await;
    op.run("SELECT inventory.claim_sagas('a', '1 minute'); ").await;
    op.run(&format!("SELECT inventory.advance_saga('{id}', 1, '1 minute')")).await;
    for (arguments, detail) in [
        ("NULL, 1, '1 minute'".to_owned(), "saga_id must not be NULL"),
        (format!("'{id}', NULL, '1 minute'"), "fence must not be NULL"),
        (format!("'{id}', 1, '-1 minute'"), "ttl must be"),
        (format!("'{id}', 1, '1 minute', outcome => 'perhaps'"), "outcome must be"),
        (format!("'{id}', 1, '1 minute', outcome => 'done'"), "step must not be NULL"),
        (format!("'{id}', 1, '1 minute', 0, 'action', 'done'"), "step must be 1 or more"),
        (format!("'{id}', 1, '1 minute', -2147483648, 'action', 'done'"), "step must be 1 or more"),
        (format!("'{id}', 1, '1 minute', 2, 'action', 'done'"), "the saga has no such step"),
        (format!("'{id}', 1, '1 minute', 1, 'sideways', 'done'"), "direction must be"),
    ] {
        op.check_refused(&format!("SELECT inventory.advance_saga({arguments})"), "IV004", detail)
            .await;
    }
    op.check("SELECT state, asked FROM inventory.saga_steps", "CALLING|1").await;
    db.verify_is_clean().await;
}
