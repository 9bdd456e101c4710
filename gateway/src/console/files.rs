//! The files of the console, in this binary.

use axum::http::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::LazyLock;

pub struct File {
    name: &'static str,
    pub body: &'static [u8],
    /// Of its content, so that every gateway of a version has the same.
    pub tag: HeaderValue,
}

macro_rules! files {
    ($($name:literal)*) => {
        &[$(($name, include_bytes!(concat!("assets/", $name)))),*]
    };
}

const FILES: &[(&str, &[u8])] = files! {
    "api.js"
    "connection.js"
    "dom.js"
    "format.js"
    "icon.svg"
    "index.html"
    "key.js"
    "live.js"
    "main.js"
    "metrics.js"
    "pages/all.js"
    "pages/hold.js"
    "pages/hot.js"
    "pages/low.js"
    "pages/order.js"
    "pages/orders.js"
    "pages/outbox.js"
    "pages/overview.js"
    "pages/repairs.js"
    "pages/saga.js"
    "pages/sagas.js"
    "pages/service.js"
    "pages/sku.js"
    "pages/stock.js"
    "parts/corrections.js"
    "parts/dialog.js"
    "parts/figures.js"
    "parts/movements.js"
    "parts/notice.js"
    "parts/plot.js"
    "parts/table.js"
    "parts/words.js"
    "sampler.js"
    "stream.js"
    "style/frame.css"
    "style/parts.css"
    "style/plots.css"
    "style/tokens.css"
    "theme.js"
    "vendor/uPlot.LICENSE.txt"
    "vendor/uPlot.iife.min.js"
    "vendor/uPlot.min.css"
    "visit.js"
};

static BY_NAME: LazyLock<HashMap<&'static str, File>> = LazyLock::new(|| {
    let file = |&(name, body): &(&'static str, &'static [u8])| (name, File::new(name, body));
    FILES.iter().map(file).collect()
});

pub fn named(name: &str) -> Option<&'static File> {
    BY_NAME.get(name)
}

impl File {
    fn new(name: &'static str, body: &'static [u8]) -> File {
        let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(body));
        let tag = HeaderValue::from_str(&format!("\"{digest}\""));
        File { name, body, tag: tag.unwrap_or(HeaderValue::from_static("\"\"")) }
    }

    pub fn media_type(&self) -> &'static str {
        match self.name.rsplit_once('.').map_or("", |(_, ending)| ending) {
            "html" => "text/html; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "svg" => "image/svg+xml",
            _ => "text/plain; charset=utf-8",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    fn below(folder: &Path, root: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => below(&path, root, found),
                false => _ = found.insert(path.strip_prefix(root).unwrap().display().to_string()),
            }
        }
    }

    #[test]
    fn every_file_is_in_the_list() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console/assets");
        let mut there = BTreeSet::new();
        below(&root, &root, &mut there);
        let listed: BTreeSet<String> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(listed, there);
    }
}
