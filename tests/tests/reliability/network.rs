//! Ways between nodes and from nodes to the database that are cut, in one direction or in both.

use std::net::SocketAddr;
use std::thread::sleep;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use stepyard_tests::{Proxy, ServerOptions, Target, TestDatabase, Way};

use crate::cluster::{Cluster, NODES};
use crate::load::Patience;
use crate::setting;

/// How often each way is cut, unless `STEPYARD_KILLS` says otherwise.
const TIMES: u64 = 1;

/// Load before a cut, in milliseconds.
const CALM_MILLIS: u64 = 1_500;

/// How long a way is cut: some times shorter, some times longer than a lease.
const CUT_MILLIS: std::ops::Range<u64> = 1_000..15_000;

/// Nothing arrives, and nobody is told.
const SILENT: Way = Way::Silent { to_target: true, to_client: true };
const REQUESTS_SILENT: Way = Way::Silent { to_target: true, to_client: false };
const ANSWERS_SILENT: Way = Way::Silent { to_target: false, to_client: true };

/// The ways of one node.
struct Ways {
    to_database: Proxy,
    /// From other nodes to this one.
    from_nodes: Proxy,
}

impl Ways {
    fn of(database: &TestDatabase, options: &ServerOptions) -> Ways {
        let TestDatabase::Postgres(url) = database else { panic!("{database:?}") };
        let direct: PgConnectOptions = url.parse().unwrap();
        let socket = direct.get_socket().unwrap().join(".s.PGSQL.5432");
        let node = SocketAddr::from(([127, 0, 0, 1], options.port));
        Ways {
            to_database: Proxy::start(Target::Unix(socket), None),
            from_nodes: Proxy::start(Target::Tcp(node), None),
        }
    }

    fn lead(&self, database: &TestDatabase, mut options: ServerOptions) -> ServerOptions {
        let TestDatabase::Postgres(url) = database else { panic!("{database:?}") };
        let direct: PgConnectOptions = url.parse().unwrap();
        let name = direct.get_database().unwrap();
        let variables = [
            ("STEPYARD_NODE_ADDRESS", format!("http://{}", self.from_nodes.address())),
            (
                "STEPYARD_DATABASE_URL",
                format!("postgres://stepyard@{}/{name}", self.to_database.address()),
            ),
        ];
        options.environment.extend(variables.map(|(name, value)| (name.into(), value)));
        // The flag that names the database would win.
        let flag = options.arguments.iter().position(|argument| argument == "--database-url");
        let flag = flag.unwrap();
        options.arguments.drain(flag..flag + 2);
        options
    }
}

#[test]
fn cut_ways_lose_nothing() {
    let mut ways: Vec<Ways> = Vec::new();
    let cluster = Cluster::start_with(|_, database, options| {
        ways.push(Ways::of(database, &options));
        ways.last().unwrap().lead(database, options)
    });
    let Some(mut cluster) = cluster else { return };
    let load = cluster.load(Patience::Endless);
    for _ in 0..setting("STEPYARD_KILLS").unwrap_or(TIMES) {
        for way in [SILENT, REQUESTS_SILENT, ANSWERS_SILENT, Way::Refused] {
            for is_database in [true, false] {
                sleep(Duration::from_millis(CALM_MILLIS));
                let node = &ways[usize::try_from(cluster.random.below(NODES as u64)).unwrap()];
                let proxy = if is_database { &node.to_database } else { &node.from_nodes };
                let length = CUT_MILLIS.end - CUT_MILLIS.start;
                let time = Duration::from_millis(CUT_MILLIS.start + cluster.random.below(length));
                proxy.set(way);
                sleep(time);
                proxy.set(Way::Open);
                cluster.until_divided();
                let to = if is_database { "to the database" } else { "from other nodes" };
                println!(
                    "{way:?} {to} for {time:.1?}; slowest start so far {:.1?}",
                    load.slowest()
                );
                assert!(load.faults().is_empty(), "{:?}", load.faults());
            }
        }
    }
    cluster.check(load);
}
