//! The main of every test file: each test runs once on every PostgreSQL under test, with its own
//! runtime and a limit on its time; servers are stopped when the last one is through.

use std::any::Any;
use std::cell::RefCell;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::servers::{Pg, Servers};

/// No test may hang the suite.
fn time_limit() -> Duration {
    Duration::from_secs(if crate::soak() { 3_600 } else { 300 })
}

/// How a test ended that did not panic.
pub enum Verdict {
    Passed,
    Skipped(String),
}

/// Says that this test cannot run here, and what is missing.
pub fn skipped(why: impl Into<String>) -> Verdict {
    Verdict::Skipped(why.into())
}

impl From<()> for Verdict {
    fn from((): ()) -> Verdict {
        Verdict::Passed
    }
}

/// A named test.
#[derive(Clone, Copy)]
pub struct Promise {
    pub name: &'static str,
    pub run: fn(Pg) -> LocalBoxFuture<'static, Verdict>,
}

/// The tests of a file: async functions that take a [`Pg`]. After `once:` those that run on the newest alone.
#[macro_export]
macro_rules! promises {
    (once: $($test:ident),* $(,)?) => { $crate::promises!(@main usize::MAX, $($test),*); };
    (@main $skip:expr, $($test:ident),*) => {
        fn main() -> std::process::ExitCode {
            $crate::run::main($skip, &[$($crate::run::Promise {
                name: stringify!($test),
                run: |pg| Box::pin(async move { $crate::run::Verdict::from($test(pg).await) }),
            }),*])
        }
    };
    ($($test:ident),* $(,)?) => { $crate::promises!(@main 0, $($test),*); };
}

/// Leaves out that many of the older PostgreSQLs, never the newest.
pub fn main(skip: usize, promises: &[Promise]) -> ExitCode {
    let arguments = Arguments::from_args();
    std::panic::set_hook(Box::new(|panic| {
        LAST_PANIC.set(panic.location().map(ToString::to_string).unwrap_or_default());
    }));
    let servers = match Servers::from_environment() {
        Ok(servers) => Arc::new(servers),
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    };
    let mut trials = Vec::new();
    for pg in servers.each().iter().skip(skip.min(servers.each().len() - 1)) {
        for promise in promises.iter().copied() {
            let (name, pg) = (format!("pg{}::{}", pg.major, promise.name), pg.clone());
            trials.push(Trial::ignorable_test(name, move || run_one(promise, pg)));
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    servers.stop();
    conclusion.exit_code()
}

fn run_one(promise: Promise, pg: Pg) -> Result<Completion, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let test = AssertUnwindSafe((promise.run)(pg)).catch_unwind();
    let outcome = runtime.block_on(async { tokio::time::timeout(time_limit(), test).await });
    runtime.shutdown_timeout(Duration::from_secs(1));
    match outcome {
        Ok(Ok(Verdict::Passed)) => Ok(Completion::Completed),
        Ok(Ok(Verdict::Skipped(why))) => Ok(Completion::ignored_with(why)),
        Ok(Err(panic)) => Err(Failed::from(words_of(panic.as_ref()))),
        Err(_late) => Err(Failed::from(format!("not through after {:?}", time_limit()))),
    }
}

thread_local! {
    /// Where the test on this thread panicked last.
    static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let words = panic.downcast_ref::<String>().map(String::as_str);
    let words = words.or(panic.downcast_ref::<&str>().copied()).unwrap_or("panic");
    format!("{}: {words}", LAST_PANIC.take())
}
