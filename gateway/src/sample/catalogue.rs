//! What the shop sells, and where it keeps it.

use super::request_id;
use crate::replay::{Product, Warehouse};

struct Category {
    prefix: &'static str,
    name: &'static str,
    unit: &'static str,
    /// Below this it is time to reorder; None where nobody watches.
    threshold: Option<i64>,
    items: &'static [&'static str],
    variants: &'static [&'static str],
}

const CATEGORIES: &[Category] = &[
    Category {
        prefix: "KIT",
        name: "Kitchen",
        unit: "each",
        threshold: Some(40),
        items: &[
            "Enamel Mug",
            "Stoneware Bowl",
            "Cake Stand",
            "Olive Wood Board",
            "Copper Saucepan",
            "Glass Storage Jar",
            "Tea Towel Set",
            "Pepper Mill",
            "Milk Jug",
        ],
        variants: &["Moss Green", "Chalk White", "Midnight Blue", "Terracotta", "Mustard"],
    },
    Category {
        prefix: "LIT",
        name: "Lighting",
        unit: "each",
        threshold: Some(25),
        items: &[
            "Desk Lamp",
            "Paper Lantern",
            "Tealight Holder",
            "Fairy Lights",
            "Wall Sconce",
            "Floor Lamp",
        ],
        variants: &["Brass", "Matt Black", "Pale Ash", "Smoked Glass", "White"],
    },
    Category {
        prefix: "GAR",
        name: "Garden",
        unit: "each",
        threshold: Some(30),
        items: &[
            "Watering Can",
            "Bird Feeder",
            "Hand Trowel",
            "Planter",
            "Bee Hotel",
            "Garden Twine",
            "Seed Tin",
        ],
        variants: &["Small", "Medium", "Large", "Galvanised"],
    },
    Category {
        prefix: "TEX",
        name: "Textiles",
        unit: "each",
        threshold: None,
        items: &[
            "Linen Cushion",
            "Wool Throw",
            "Cotton Rug",
            "Bath Towel",
            "Table Runner",
            "Apron",
            "Quilt",
        ],
        variants: &["Oatmeal", "Indigo Stripe", "Rust", "Sage", "Charcoal", "Rose"],
    },
    Category {
        prefix: "STA",
        name: "Stationery",
        unit: "pack",
        threshold: Some(50),
        items: &[
            "Notebook",
            "Gift Wrap",
            "Greeting Cards",
            "Pencil Set",
            "Washi Tape",
            "Desk Calendar",
            "Envelopes",
        ],
        variants: &["Botanical", "Dotted", "Plain Kraft", "Woodland", "Constellation"],
    },
    Category {
        prefix: "TOY",
        name: "Toys",
        unit: "each",
        threshold: Some(20),
        items: &[
            "Wooden Train",
            "Stacking Rings",
            "Jigsaw 500 Pieces",
            "Knitted Rabbit",
            "Tin Robot",
            "Marble Run",
            "Kite",
        ],
        variants: &["Classic", "Rainbow", "Forest", "Ocean"],
    },
    Category {
        prefix: "PAN",
        name: "Pantry",
        unit: "jar",
        threshold: Some(60),
        items: &["Blossom Honey", "Apricot Jam", "Sea Salt", "Chai Blend", "Cocoa", "Fig Chutney"],
        variants: &["250 g", "500 g", "Gift Tin", "Refill"],
    },
    Category {
        prefix: LIMITED,
        name: "Limited editions",
        unit: "each",
        threshold: Some(2),
        items: &["Hand-thrown Vase", "Screen Print", "Carved Owl", "Woven Basket", "Silver Spoon"],
        variants: &["No. 1", "No. 2", "No. 3"],
    },
];

/// Goods of which there are never enough.
const LIMITED: &str = "LTD";

pub fn is_limited(sku: &str) -> bool {
    sku.starts_with(LIMITED)
}

/// Category by category, item by item.
pub fn products() -> Vec<Product> {
    CATEGORIES.iter().flat_map(products_of).collect()
}

fn products_of(category: &'static Category) -> impl Iterator<Item = Product> {
    category.items.iter().enumerate().flat_map(move |(item, item_name)| {
        category.variants.iter().enumerate().map(move |(variant, variant_name)| {
            let sku = format!("{}-{:02}{:02}", category.prefix, item + 1, variant + 1);
            Product {
                request_id: request_id("product", &sku),
                sku: sku.into(),
                name: format!("{item_name}, {variant_name}"),
                low_stock_threshold: category.threshold,
                unit: category.unit,
                category: Some(category.name),
            }
        })
    })
}

/// Warehouse 1 is there after `install`.
pub fn warehouses() -> Vec<Warehouse> {
    [
        (1, "MAIN", "Main"),
        (2, "NORTH", "Leeds"),
        (3, "SOUTH", "Bristol"),
        (4, "OUTLET", "Outlet store"),
    ]
    .into_iter()
    .map(|(warehouse_id, code, name)| Warehouse {
        request_id: request_id("warehouse", code),
        warehouse_id,
        code,
        name,
    })
    .collect()
}
