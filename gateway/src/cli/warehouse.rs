//! `inventory warehouse …`

use super::screen::{number, text};
use super::settings::{CallerArgs, Settings};
use crate::error::Result;
use crate::store::Warehouse;
use clap::Subcommand;

#[derive(Subcommand)]
pub enum WarehouseCommand {
    /// Create a warehouse, or change it
    #[command(after_help = "Example:\n  inventory warehouse put 2 NORTH \"Leeds\"")]
    Put {
        /// 1 to 999; part of every order number
        warehouse_id: i32,
        /// Short code, unique
        code: String,
        /// What people call it
        name: String,
        #[command(flatten)]
        caller: CallerArgs,
    },
    /// All warehouses
    List,
    /// Delete a warehouse that nothing names any more
    Delete {
        /// 1 to 999
        warehouse_id: i32,
        #[command(flatten)]
        caller: CallerArgs,
    },
}

pub async fn run(settings: &Settings, command: WarehouseCommand) -> Result<()> {
    let mut service = settings.service().await?;
    let screen = settings.screen();
    match command {
        WarehouseCommand::Put { warehouse_id, code, name, caller } => {
            let warehouse = Warehouse { warehouse_id, code, name };
            let put = service.put_warehouse(&warehouse, &caller.into()).await?;
            screen.answer(&put, &format!("warehouse {warehouse_id} {}", put.what_happened()))
        }
        WarehouseCommand::List => screen.list(
            &service.warehouses().await?,
            &[
                number("warehouse", |w: &Warehouse| w.warehouse_id.to_string()),
                text("code", |w| w.code.clone()),
                text("name", |w| w.name.clone()),
            ],
        ),
        WarehouseCommand::Delete { warehouse_id, caller } => {
            let done = service.delete_warehouse(warehouse_id, &caller.into()).await?;
            screen.answer(&done, &format!("warehouse {warehouse_id} {}", done.what_happened()))
        }
    }
}
