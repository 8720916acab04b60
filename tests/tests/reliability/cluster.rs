//! Three nodes on one Postgres: one of them is killed, stopped or paused at random moments under a steady load. What other
//! tests do to servers on one database, be it one or three, they do by this, too.

use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use stepyard_asl::Random;
use stepyard_store::ShardId;
use stepyard_tests::{
    Client, Deadline, LambdaStub, Run, Server, ServerOptions, Stopwatch, TestDatabase, binary,
};
use tempfile::TempDir;

use crate::checks::{await_rest, check_executions, check_runs};
use crate::load::{Load, MACHINES, Patience, create_machines};
use crate::trial::lambda;
use crate::{journals, seeded, setting};

pub(crate) const NODES: usize = 3;

/// A GIF of one pixel.
const IMAGE: &[u8] =
    b"GIF89a\x01\0\x01\0\x80\0\0\xff\xff\xff\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

/// What a JPEG starts with.
const JPEG_START: &[u8] = b"\xff\xd8\xff";

/// How many kills, stops and pauses, unless `STEPYARD_KILLS` says otherwise: each kill waits for a lease to
/// run out.
const KILLS: u64 = 4;
const STOPS: u64 = 3;
const PAUSES: u64 = 1;

/// How long a node is paused: twice as long as its lease lasts.
const PAUSE: Duration = Duration::from_secs(12);

/// How long clients wait for an answer before they ask another node.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// All shards have an owner again within that time after a node has died.
const TAKEOVER_MAX: Duration = Duration::from_secs(10);

/// How long a cluster may take to divide its shards.
const DIVISION_MAX: Duration = Duration::from_secs(40);

/// Servers on one database.
pub(crate) struct Cluster {
    database: TestDatabase,
    pub(crate) lambda: LambdaStub,
    folders: Vec<TempDir>,
    /// Buckets, which all nodes see.
    objects: TempDir,
    options: Vec<ServerOptions>,
    servers: Vec<Option<Server>>,
    pub(crate) random: Random,
}

impl Cluster {
    /// Three nodes, each with shards; `None` without a database.
    pub(crate) fn start() -> Option<Cluster> {
        Cluster::start_with(|_, _, options| options)
    }

    /// As [`Cluster::start`], with what a test does to the options of each node.
    pub(crate) fn start_with(
        mut change: impl FnMut(usize, &TestDatabase, ServerOptions) -> ServerOptions,
    ) -> Option<Cluster> {
        let database = TestDatabase::postgres()?;
        let mut random = seeded();
        let lambda = lambda(random.next_u64());
        let nodes = |node, options| change(node, &database, options);
        Some(Cluster::start_nodes(&database, NODES, ("Work", lambda), random, nodes))
    }

    /// So many nodes on a database. The functions of these names are those of the endpoint.
    pub(crate) fn start_on(
        database: &TestDatabase,
        nodes: usize,
        functions: (&str, LambdaStub),
        random: Random,
    ) -> Cluster {
        Cluster::start_nodes(database, nodes, functions, random, |_, options| options)
    }

    fn start_nodes(
        database: &TestDatabase,
        nodes: usize,
        (functions, lambda): (&str, LambdaStub),
        random: Random,
        mut change: impl FnMut(usize, ServerOptions) -> ServerOptions,
    ) -> Cluster {
        let objects = tempfile::tempdir().unwrap();
        let options = |node| {
            let mut options = ServerOptions::default().with_a_port();
            options.environment.push(objects_setting(objects.path()));
            let key = ("STEPYARD_NODE_KEY".into(), "the key of a test cluster".into());
            options.environment.push(key);
            let options = options.with_lambda(functions, &lambda.url()).with_database(database);
            change(node, options)
        };
        let options: Vec<_> = (0..nodes).map(options).collect();
        let folders = (0..nodes).map(|_| tempfile::tempdir().unwrap()).collect();
        let servers = (0..nodes).map(|_| None).collect();
        let database = database.clone();
        let mut cluster = Cluster { database, lambda, folders, objects, options, servers, random };
        for node in 0..nodes {
            cluster.start_node(node);
        }
        cluster.until_divided();
        cluster
    }

    fn start_node(&mut self, node: usize) {
        self.servers[node] = Some(Server::start(self.folders[node].path(), &self.options[node]));
    }

    pub(crate) fn load(&self, patience: Patience) -> Load {
        let clients = self.clients();
        Load::start(create_machines(&clients[0], &MACHINES), clients, patience)
    }

    pub(crate) fn clients(&self) -> Vec<Client> {
        let client = |server: &Server| server.impatient_client(ANSWER_TIMEOUT);
        self.servers.iter().flatten().map(client).collect()
    }

    /// How many shards each node has, as another one than `dead` sees it.
    fn division(&self, dead: Option<usize>) -> Vec<usize> {
        let living = self.servers.iter().enumerate().filter(|(node, _)| Some(*node) != dead);
        let Some((_, Some(server))) = living.into_iter().next() else { return Vec::new() };
        let Ok(seen) = server.client().get("/api/v1/nodes") else { return Vec::new() };
        let count = |node: &Value| node["shards"].as_array().map_or(0, Vec::len);
        seen["nodes"].as_array().into_iter().flatten().map(count).collect()
    }

    /// Waits until each node has its part.
    pub(crate) fn until_divided(&self) {
        let nodes = self.servers.len();
        if nodes == 1 {
            return;
        }
        Deadline::after(DIVISION_MAX).wait_for("a share of the shards for each node", || {
            let shares = self.division(None);
            let whole = shares.len() == nodes && shares.iter().sum::<usize>() == 64;
            (whole && shares.iter().all(|share| *share > 8)).then_some(())
        });
    }

    /// How long it takes until the others have all shards.
    pub(crate) fn takeover(&self, dead: usize) -> Duration {
        let began = Stopwatch::start();
        Deadline::after(TAKEOVER_MAX).wait_for("owners for all shards", || {
            let shares = self.division(Some(dead));
            (shares.len() == NODES - 1 && shares.iter().sum::<usize>() == 64).then_some(())
        });
        began.elapsed()
    }

    /// The processes of its nodes.
    pub(crate) fn processes(&self) -> Vec<u32> {
        self.servers.iter().flatten().map(Server::process).collect()
    }

    pub(crate) fn draw_node(&mut self) -> usize {
        usize::try_from(self.random.below(self.servers.len() as u64)).unwrap_or(0)
    }

    /// The node that has a shard.
    pub(crate) fn owner_of(&self, shard: ShardId) -> usize {
        if self.servers.len() == 1 {
            return 0;
        }
        let seen = self.clients()[0].get("/api/v1/nodes").unwrap();
        let has_it = |node: &&Value| node["shards"].as_array().unwrap().contains(&shard.0.into());
        let owner = seen["nodes"].as_array().unwrap().iter().find(has_it);
        let address = owner.and_then(|owner| owner["address"].as_str()).unwrap();
        let is_there = |options: &ServerOptions| address.ends_with(&format!(":{}", options.port));
        self.options.iter().position(is_there).unwrap()
    }

    /// `kill -9` of a node, and a new start. How long it took until all shards had an owner again; the only node is its own
    /// successor.
    pub(crate) fn kill(&mut self, node: usize) -> Duration {
        if let Some(server) = self.servers[node].take() {
            server.kill();
        }
        let began = Stopwatch::start();
        if self.servers.len() > 1 {
            let took = self.takeover(node);
            self.start_node(node);
            self.until_divided();
            return took;
        }
        self.start_node(node);
        began.elapsed()
    }

    /// Makes an object that all nodes see.
    pub(crate) fn put(&self, bucket: &str, key: &str, file: &Path) {
        self.command(Command::new(binary()).args(["put", bucket, key]).arg(file));
    }

    /// Reads an object.
    pub(crate) fn get(&self, bucket: &str, key: &str) -> Vec<u8> {
        self.command(Command::new(binary()).args(["get", bucket, key]))
    }

    /// Runs a command on the buckets of the nodes. What it writes.
    fn command(&self, command: &mut Command) -> Vec<u8> {
        let done = command.envs([objects_setting(self.objects.path())]).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        done.stdout
    }

    /// Stops all nodes. All executions as they are in the database then, and all runs of functions.
    pub(crate) fn stop(mut self) -> (Vec<journals::Execution>, Vec<Run>) {
        for server in self.servers.iter_mut().filter_map(Option::take) {
            let log = server.log();
            assert!(server.terminate().success(), "a node does not shut down cleanly:\n{log}");
        }
        (journals::read(&self.database, self.folders[0].path()), self.lambda.runs())
    }

    /// Ends the load and checks everything that has happened.
    pub(crate) fn check(self, load: Load) {
        assert!(load.faults().is_empty(), "{:?}", load.faults());
        let acknowledged = load.stop();
        await_rest(&self.clients()[0], &MACHINES);
        let (executions, runs) = self.stop();
        check_executions(&acknowledged, &executions);
        check_runs(&executions, &runs);
    }
}

fn objects_setting(folder: &Path) -> (String, String) {
    ("STEPYARD_OBJECTS_DIR".into(), folder.display().to_string())
}

#[test]
fn others_go_on_with_what_a_killed_node_had() {
    let Some(mut cluster) = Cluster::start() else { return };
    let load = cluster.load(Patience::Endless);
    let mut takeovers = Vec::new();
    for _ in 0..setting("STEPYARD_KILLS").unwrap_or(KILLS) {
        sleep(Duration::from_millis(500 + cluster.random.below(1_500)));
        let node = cluster.draw_node();
        takeovers.push(cluster.kill(node));
    }
    takeovers.sort();
    println!("takeovers after {takeovers:.1?}, slowest start {:.1?}", load.slowest());
    cluster.check(load);
}

#[test]
fn no_call_fails_when_a_node_stops() {
    let Some(mut cluster) = Cluster::start() else { return };
    let load = cluster.load(Patience::OneRefusal);
    for _ in 0..setting("STEPYARD_KILLS").unwrap_or(STOPS) {
        sleep(Duration::from_millis(500 + cluster.random.below(1_500)));
        let node = cluster.draw_node();
        if let Some(server) = cluster.servers[node].take() {
            assert!(server.terminate().success());
        }
        cluster.takeover(node);
        // It refuses connections until it is ready.
        cluster.start_node(node);
        cluster.until_divided();
    }
    println!("slowest start {:.1?}", load.slowest());
    cluster.check(load);
}

#[test]
fn a_paused_node_changes_nothing_when_it_wakes_up() {
    let Some(mut cluster) = Cluster::start() else { return };
    let load = cluster.load(Patience::Endless);
    for _ in 0..setting("STEPYARD_KILLS").unwrap_or(PAUSES) {
        sleep(Duration::from_secs(1));
        let node = cluster.draw_node();
        let Some(server) = &cluster.servers[node] else { continue };
        server.signal("STOP");
        let asleep = Stopwatch::start();
        cluster.takeover(node);
        sleep(PAUSE.saturating_sub(asleep.elapsed()));
        server.signal("CONT");
        cluster.until_divided();
    }
    println!("slowest start {:.1?}", load.slowest());
    cluster.check(load);
}

#[test]
fn an_image_is_found_by_all_nodes() {
    let Some(cluster) = Cluster::start() else { return };
    let clients = cluster.clients();
    for first in 0..NODES {
        let [taker, asker, reader] = [0, 1, 2].map(|step| &clients[(first + step) % NODES]);
        let uploaded = taker.upload(IMAGE).unwrap();
        let execution = uploaded["execution_arn"].as_str().unwrap();
        assert_eq!(asker.await_end(execution).unwrap()["status"], "SUCCEEDED");
        let id = uploaded["image_id"].as_str().unwrap();
        let image = &reader.get(&format!("/api/v1/images/{id}")).unwrap()["items"][0];
        let text = |field: &str| image[field].as_str().unwrap();
        let body = reader.object(text("processed_bucket"), text("processed_key")).unwrap();
        assert!(body.starts_with(JPEG_START), "{image}");
        assert_eq!(
            asker.object(text("original_bucket"), text("original_key")).unwrap(),
            IMAGE,
            "{image}"
        );
    }
}
