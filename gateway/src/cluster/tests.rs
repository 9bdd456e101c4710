//! Against real servers: every installation that INVENTORY_TEST_PG names (`15=/bin/dir,18=/bin/dir`).

use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::*;

fn installations() -> Vec<PathBuf> {
    let named = std::env::var("INVENTORY_TEST_PG").unwrap_or_default();
    let all: Vec<_> =
        named.split(',').filter_map(|pair| Some(PathBuf::from(pair.split_once('=')?.1))).collect();
    if all.is_empty() {
        eprintln!("skipped: INVENTORY_TEST_PG names no PostgreSQL; `make test` sets it");
    }
    all
}

fn process_is_there(pid: i32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

#[test]
fn a_temporary_cluster_is_gone_with_everything_after_a_panic() {
    for bin_dir in installations() {
        let (send, receive) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let cluster = Cluster::builder(bin_dir).start().unwrap();
            send.send((cluster.home().to_owned(), cluster.pid().unwrap())).unwrap();
            panic!("as a failing test does");
        });
        assert!(thread.join().is_err());
        let (home, pid) = receive.recv().unwrap();
        assert!(!home.exists() && !process_is_there(pid));
    }
}

#[test]
fn what_was_committed_survives_sigkill_and_every_kind_of_stop() {
    for bin_dir in installations() {
        let mut cluster = Cluster::builder(bin_dir).database("shop").start().unwrap();
        cluster.sql("CREATE TABLE t (n int)").unwrap();
        for round in 0..3 {
            let port = cluster.port();
            cluster.sql("INSERT INTO t VALUES (1)").unwrap();
            match round {
                0 => cluster.kill().unwrap(),
                1 => cluster.stop(Shutdown::Immediate).unwrap(),
                _ => cluster.stop(Shutdown::Fast).unwrap(),
            }
            assert!(matches!(cluster.sql("SELECT 1"), Err(Error::Tool { .. })));
            cluster.start().unwrap();
            assert_eq!(cluster.port(), port);
            assert_eq!(cluster.sql("SELECT sum(n) FROM t").unwrap(), (round + 1).to_string());
        }
    }
}

#[test]
fn settings_and_environment_reach_the_server() {
    for bin_dir in installations() {
        let mut cluster = Cluster::builder(bin_dir)
            .setting("work_mem", "5MB")
            .setting("application_name", "it's ours")
            .start()
            .unwrap();
        let show = |cluster: &Cluster, name: &str| cluster.sql(&format!("SHOW {name}")).unwrap();
        assert_eq!(show(&cluster, "work_mem"), "5MB");
        assert_eq!(show(&cluster, "data_checksums"), "on");
        assert_eq!(show(&cluster, "server_encoding"), "UTF8");
        assert_eq!(show(&cluster, "fsync"), "on");
        cluster.set("work_mem", "6MB");
        cluster.set_environment("PGTZ", "Asia/Tokyo");
        cluster.restart().unwrap();
        assert_eq!(show(&cluster, "work_mem"), "6MB");
        let environment =
            std::fs::read(format!("/proc/{}/environ", cluster.pid().unwrap())).unwrap();
        assert!(String::from_utf8_lossy(&environment).contains("PGTZ=Asia/Tokyo"));
    }
}

#[test]
fn a_wrong_setting_is_reported_with_the_servers_own_words() {
    for bin_dir in installations() {
        match Cluster::builder(bin_dir).setting("work_mem", "plenty").start() {
            Err(Error::NotStarted { log }) => assert!(log.contains("work_mem"), "{log}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_kept_cluster_stays_is_joined_and_comes_back_on_its_port() {
    for bin_dir in installations() {
        // Longer than a unix socket's path may be.
        let parent = tempfile::tempdir().unwrap();
        let home = parent.path().join("long".repeat(40));
        std::fs::set_permissions(
            parent.path(),
            std::os::unix::fs::PermissionsExt::from_mode(0o711),
        )
        .unwrap();
        let builder = || Cluster::builder(&bin_dir).at(&home).database("shop");
        assert!(Kept::running(&home).is_none());
        let first = builder().start().unwrap();
        let (url, pid) = (first.url(), first.pid());
        drop(first);
        let joined = builder().start().unwrap();
        assert_eq!((joined.url(), joined.pid()), (url.clone(), pid));
        let found = Kept::running(&home).unwrap();
        assert_eq!((found.url("shop").unwrap(), Some(found.pid())), (url.clone(), pid));
        found.stop(Shutdown::Fast).unwrap();
        assert!(Kept::running(&home).is_none());
        let mut again = builder().start().unwrap();
        assert_eq!(again.url(), url);
        again.stop(Shutdown::Immediate).unwrap();
    }
}

#[test]
fn a_port_that_is_taken_is_named() {
    for bin_dir in installations() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let outcome = Cluster::builder(bin_dir).port(port).start();
        assert!(matches!(outcome, Err(Error::PortTaken(taken)) if taken == port));
    }
}

/// The same installation below another folder; links in it stay, executables are copied.
fn copied_to(folder: &Path, bin_dir: &Path) -> PathBuf {
    let is_tree = |dir: &&Path| dir.parent().is_some_and(|above| above.ends_with("pg"));
    let Some(tree) = bin_dir.ancestors().find(is_tree) else { return bin_dir.to_owned() };
    let copied = Command::new("cp").arg("-a").arg(tree).arg(folder.join("pg")).status().unwrap();
    assert!(copied.success());
    folder.join("pg").join(bin_dir.strip_prefix(tree).unwrap())
}

#[test]
fn a_checkout_in_a_private_home_works() {
    use std::os::unix::fs::PermissionsExt;
    for bin_dir in installations() {
        let private = tempfile::tempdir().unwrap();
        std::fs::set_permissions(private.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let bin_dir = copied_to(private.path(), &bin_dir);
        let mut cluster = match Cluster::builder(bin_dir).at(private.path().join("cluster")).start()
        {
            // A machine that cannot lend the capability says what to do instead.
            Err(Error::Unreachable { dir, .. }) => {
                assert_eq!(dir, private.path());
                continue;
            }
            outcome => outcome.unwrap(),
        };
        assert_eq!(cluster.sql("SELECT 1").unwrap(), "1");
        cluster.kill().unwrap();
        cluster.start().unwrap();
        cluster.stop(Shutdown::Fast).unwrap();
    }
}

#[test]
fn a_cluster_stays_with_the_user_it_was_made_for() {
    if !rustix::process::geteuid().is_root() {
        return; // only root lends users
    }
    for bin_dir in installations() {
        let parent = tempfile::tempdir().unwrap();
        let home = parent.path().join("cluster");
        let mut cluster = Cluster::builder(&bin_dir).at(&home).start().unwrap();
        cluster.stop(Shutdown::Fast).unwrap();
        // As it is where there was only `nobody` at first.
        let given = Command::new("chown").args(["-R", "65534:65534"]).arg(&home).status().unwrap();
        assert!(given.success());
        cluster = Cluster::builder(&bin_dir).at(&home).start().unwrap();
        assert_eq!(cluster.sql("SELECT 1").unwrap(), "1");
        cluster.stop(Shutdown::Fast).unwrap();
    }
}

/// Ends itself with SIGKILL in a process of its own, with a cluster running; see the next test.
#[test]
#[ignore = "run by a_process_that_is_killed_leaves_no_server_behind"]
fn victim() {
    let bin_dir = installations().remove(0);
    let cluster = Cluster::builder(bin_dir).start().unwrap();
    println!("home={} pid={}", cluster.home().display(), cluster.pid().unwrap());
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)
        .unwrap();
}

#[test]
fn a_process_that_is_killed_leaves_no_server_behind() {
    if installations().is_empty() {
        return;
    }
    let myself = std::env::current_exe().unwrap();
    let output = Command::new(myself)
        .args(["--exact", "cluster::tests::victim", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let (home, pid) = said.split_once("home=").unwrap().1.split_once(" pid=").unwrap();
    let pid: i32 = pid.lines().next().unwrap().trim().parse().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while Path::new(home).exists() || process_is_there(pid) {
        assert!(Instant::now() < deadline, "{home} or process {pid} is still there");
        std::thread::sleep(Duration::from_millis(50));
    }
}
