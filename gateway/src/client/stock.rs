use super::{Ask, Client};
use crate::error::{Error, Result};
use crate::store::{Answer, AuditFilter, Caller, Date, Goods, Level, Lot, Movement};
use axum::http::StatusCode;
use axum::http::header::IF_MATCH;
use inventory_core::refusal::Code;
use serde::Deserialize;
use serde_json::json;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Between two looks at a promise.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// The answer to a command about a place.
#[derive(Deserialize)]
struct Levels {
    on_hand: i64,
    reserved: i64,
    available: i64,
    replayed: bool,
}

impl From<Levels> for Answer {
    fn from(levels: Levels) -> Answer {
        let Levels { on_hand, reserved, available, replayed } = levels;
        Answer { code: "ok".to_owned(), order_no: None, on_hand, reserved, available, replayed }
    }
}

#[derive(Deserialize)]
struct Deducted {
    order_no: Option<String>,
    lines: Vec<DeductedLine>,
    replayed: bool,
}

#[derive(Deserialize)]
struct DeductedLine {
    on_hand: i64,
    available: i64,
}

/// A deduction that the gateway answers for until the database has it.
#[derive(Deserialize)]
struct Promise {
    token: Uuid,
    state: String,
    order_no: Option<String>,
    code: Option<String>,
    detail: Option<String>,
}

#[derive(Deserialize)]
struct Transferred {
    from: Levels,
    to: Levels,
}

#[derive(Deserialize)]
struct StockOf {
    sku: String,
    warehouses: Vec<InWarehouse>,
}

#[derive(Deserialize)]
struct InWarehouse {
    warehouse_id: i32,
    on_hand: i64,
    reserved: i64,
    available: i64,
    low: bool,
    version: i64,
    #[serde(default)]
    lots: Vec<InLot>,
}

#[derive(Deserialize)]
struct InLot {
    lot: String,
    on_hand: i64,
    reserved: i64,
    available: i64,
    expires_on: Option<String>,
    version: i64,
}

impl StockOf {
    fn levels(self) -> Vec<Level> {
        let StockOf { sku, warehouses } = self;
        let level = |place: InWarehouse| {
            let InWarehouse { warehouse_id, on_hand, reserved, available, low, version, .. } =
                place;
            Level { sku: sku.clone(), warehouse_id, on_hand, reserved, available, low, version }
        };
        warehouses.into_iter().map(level).collect()
    }

    fn lots(self) -> Vec<Lot> {
        let StockOf { sku, warehouses } = self;
        let here = |place: InWarehouse| {
            let (sku, warehouse_id) = (&sku, place.warehouse_id);
            let lot = move |lot: InLot| {
                let InLot { lot, on_hand, reserved, available, expires_on, version } = lot;
                let sku = sku.clone();
                Lot { sku, warehouse_id, lot, on_hand, reserved, available, expires_on, version }
            };
            place.lots.into_iter().map(lot)
        };
        warehouses.into_iter().flat_map(here).collect()
    }
}

impl Client {
    pub async fn receive(
        &self,
        goods: &Goods,
        qty: i64,
        expires_on: Option<Date>,
        reason: &str,
        caller: &Caller,
    ) -> Result<Answer> {
        let body = json!({
            "sku": goods.sku, "quantity": qty, "warehouse_id": goods.warehouse_id, "lot": goods.lot,
            "expires_on": expires_on, "reason": reason,
        });
        let levels: Levels =
            self.send(Ask::post(["v1", "receipts"], body).of(caller)?).await?.json()?;
        Ok(levels.into())
    }

    pub async fn deduct(
        &self,
        goods: &Goods,
        qty: i64,
        reason: &str,
        caller: &Caller,
    ) -> Result<Answer> {
        let body = json!({
            "sku": goods.sku, "quantity": qty, "warehouse_id": goods.warehouse_id, "lot": goods.lot,
            "reason": reason,
        });
        let reply = self.send(Ask::post(["v1", "deductions"], body).of(caller)?).await?;
        if reply.status == StatusCode::ACCEPTED {
            return self.settled(goods, reply.json()?).await;
        }
        let Deducted { order_no, lines, replayed } = reply.json()?;
        let [DeductedLine { on_hand, available }] = lines[..] else {
            return Err(Error::Answer(format!("a deduction of one line has {}", lines.len())));
        };
        // The answer leaves it out: it is what is there and may not be had (lots past their date too).
        let reserved = on_hand - available;
        Ok(Answer { code: "ok".to_owned(), order_no, on_hand, reserved, available, replayed })
    }

    /// What became of a deduction that was promised, once the database knows it.
    async fn settled(&self, goods: &Goods, promise: Promise) -> Result<Answer> {
        let token = promise.token.to_string();
        let deadline = Instant::now() + self.timeout;
        let mut promise = promise;
        while promise.state == "accepted" {
            if Instant::now() >= deadline {
                return Err(self.away(format!(
                    "sold while the database is away, to be written down later: /v1/deductions/{token} tells"
                )));
            }
            tokio::time::sleep(ASK_AGAIN).await;
            promise = self.send(Ask::get(["v1", "deductions", &token])).await?.json()?;
        }
        if let Some(code) = promise.code.as_deref().and_then(Code::from_name) {
            return Err(Error::refused(code, promise.detail.unwrap_or_default()));
        }
        let levels = self.levels(Some(&goods.sku), Some(goods.warehouse_id), false, 1).await?;
        let missing = || Error::Answer(format!("{:?} has no stock row", goods.sku));
        let Level { on_hand, reserved, available, .. } =
            levels.into_iter().next().ok_or_else(missing)?;
        let (code, order_no) = ("ok".to_owned(), promise.order_no);
        Ok(Answer { code, order_no, on_hand, reserved, available, replayed: false })
    }

    pub async fn adjust(
        &self,
        goods: &Goods,
        delta: i64,
        reason: &str,
        caller: &Caller,
    ) -> Result<Answer> {
        let body = json!({
            "sku": goods.sku, "delta": delta, "reason": reason, "warehouse_id": goods.warehouse_id,
            "lot": goods.lot,
        });
        let ask = Ask::post(["v1", "adjustments"], body).of(caller)?;
        let levels: Levels = self.send(ask).await?.json()?;
        Ok(levels.into())
    }

    pub async fn recount(
        &self,
        goods: &Goods,
        counted: i64,
        expected_version: Option<i64>,
        reason: &str,
        caller: &Caller,
    ) -> Result<Answer> {
        let body = json!({
            "counted": counted, "reason": reason, "warehouse_id": goods.warehouse_id, "lot": goods.lot,
        });
        let seen = expected_version.map_or("*".to_owned(), |version| format!("\"{version}\""));
        let ask = Ask::put(["v1", "stock", &goods.sku, "on-hand"], body).of(caller)?;
        let levels: Levels = self.send(ask.header(IF_MATCH, &seen)?).await?.json()?;
        Ok(levels.into())
    }

    pub async fn transfer(
        &self,
        goods: &Goods,
        to_warehouse: i32,
        qty: i64,
        reason: &str,
        caller: &Caller,
    ) -> Result<[Answer; 2]> {
        let body = json!({
            "sku": goods.sku, "quantity": qty, "from_warehouse": goods.warehouse_id,
            "to_warehouse": to_warehouse, "lot": goods.lot, "reason": reason,
        });
        let ask = Ask::post(["v1", "transfers"], body).of(caller)?;
        let Transferred { from, to } = self.send(ask).await?.json()?;
        Ok([from.into(), to.into()])
    }

    pub async fn levels(
        &self,
        sku: Option<&str>,
        warehouse_id: Option<i32>,
        only_low: bool,
        limit: i64,
    ) -> Result<Vec<Level>> {
        let Some(sku) = sku else {
            let ask = || {
                let ask = Ask::get(["v1", "stock"]).query("warehouse_id", warehouse_id);
                ask.query("low", only_low.then_some(true))
            };
            return self.list(ask, None, limit, StockOf::levels).await;
        };
        let mut levels =
            self.stock_of(sku, warehouse_id).await?.map(StockOf::levels).unwrap_or_default();
        levels.retain(|level| level.low || !only_low);
        levels.truncate(usize::try_from(limit).unwrap_or_default());
        Ok(levels)
    }

    pub async fn lots(&self, sku: &str, warehouse_id: Option<i32>, limit: i64) -> Result<Vec<Lot>> {
        let found = self.stock_of(sku, warehouse_id).await?;
        let mut lots = found.map(StockOf::lots).unwrap_or_default();
        lots.truncate(usize::try_from(limit).unwrap_or_default());
        Ok(lots)
    }

    /// None where the SKU is not known: there is no stock of it either.
    async fn stock_of(&self, sku: &str, warehouse_id: Option<i32>) -> Result<Option<StockOf>> {
        let ask = Ask::get(["v1", "stock", sku]).query("warehouse_id", warehouse_id);
        match self.send(ask).await {
            Ok(reply) => reply.json().map(Some),
            Err(Error::Refused(refused)) if refused.code == Code::UnknownSku => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Newest first.
    pub async fn audit(&self, filter: &AuditFilter, limit: i64) -> Result<Vec<Movement>> {
        let ask = || {
            Ask::get(["v1", "audit"])
                .query("sku", filter.sku.as_ref())
                .query("warehouse_id", filter.warehouse_id)
                .query("from", filter.from.map(|at| at.to_rfc3339()))
                .query("to", filter.to.map(|at| at.to_rfc3339()))
        };
        let cursor = filter.before.map(|id| crate::http::page::write(&id));
        self.list(ask, cursor, limit, |row| vec![row]).await
    }
}
