//! Putting the parts of a server together.

use std::net::SocketAddr;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use stepyard_runtime::{
    ClusterOptions, Entropy, OsEntropy, Runtime, RuntimeOptions, TaskRunner, Witness,
};
use stepyard_store::{
    MetadataStore, PostgresOptions, PostgresStore, SqliteOptions, SqliteStore, Store,
};
use stepyard_tasks::functions::{ImageProcessorFunction, MetadataWriterFunction};
use stepyard_tasks::image::{ImageLimits, ImagePool};
use stepyard_tasks::lambda::AwsLambda;
use stepyard_tasks::objects::{
    FsObjectStore, OUTPUT_BUCKET, ObjectStore, RoutedObjectStore, S3ObjectStore, SOURCE_BUCKET,
};
use stepyard_tasks::{ObjectMapRunData, Route, TaskRegistry};
use tokio::sync::Semaphore;

use crate::actions::{CreateStateMachineRequest, create_state_machine};
use crate::app::{App, UPLOADS_AT_ONCE};
use crate::arn::ANY_ROLE_ARN;
use crate::config::{Database, Settings};
use crate::deletion::Deletions;
use crate::events::event_targets;
use crate::machines::Machines;
use crate::own_api::OwnApi;
use crate::peer::cluster_options;
use crate::witness::WitnessFile;

/// The state machines that are registered when they are absent.
const WORKFLOWS: [(&str, &str); 2] = [
    ("image_pipeline", include_str!("../../workflows/image_pipeline.asl.json")),
    ("tutorial", include_str!("../../workflows/tutorial.asl.json")),
];

/// Opens the data directory, takes up what was in progress and registers the workflows.
pub(crate) async fn boot(settings: &Settings, listens_on: SocketAddr) -> anyhow::Result<Arc<App>> {
    let cluster = cluster_options(settings, listens_on)?;
    let folder = &settings.data_dir;
    create_folder(folder)?;
    let (store, metadata) = open_database(settings).await?;
    let objects = open_objects(settings)?;
    let api = Arc::new(OwnApi::new());
    let runner = Arc::new(registry(settings, metadata.clone(), objects.clone(), &api));
    let fresh = uuid::Builder::from_random_bytes(OsEntropy::default().draw()).into_uuid();
    let witness = WitnessFile::new(settings.witness_file(), store.database_id(fresh).await?);
    let tasks = Tasks { runner, api };
    assemble(settings, store, metadata, objects, tasks, cluster, Some(witness)).await
}

/// What runs tasks, and the API that it gives them.
pub(crate) struct Tasks {
    pub(crate) runner: Arc<dyn TaskRunner>,
    pub(crate) api: Arc<OwnApi>,
}

fn create_folder(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create the folder {}", folder.display()))
}

/// Opens the database and brings its schema up to date.
pub(crate) async fn open_database(
    settings: &Settings,
) -> anyhow::Result<(Arc<dyn Store>, Arc<dyn MetadataStore>)> {
    match &settings.database {
        Database::Sqlite(path) => {
            if let Some(folder) = path.parent() {
                create_folder(folder)?;
            }
            let store = Arc::new(SqliteStore::open(SqliteOptions { path: path.clone() }).await?);
            Ok((store.clone(), store))
        }
        Database::Postgres(url) => {
            let options =
                PostgresOptions { url: url.clone(), allow_unsafe: settings.allow_unsafe_database };
            let store = Arc::new(PostgresStore::open(options).await?);
            Ok((store.clone(), store))
        }
    }
}

/// The buckets of this machine, and S3 where it is asked for.
pub(crate) fn open_objects(settings: &Settings) -> anyhow::Result<Arc<dyn ObjectStore>> {
    let local = FsObjectStore::open(settings.objects_dir(), &[SOURCE_BUCKET, OUTPUT_BUCKET])?;
    let mut objects = RoutedObjectStore::new(Arc::new(local));
    let variable = |name: &str| std::env::var(name).ok();
    if !settings.s3_buckets.is_empty() || S3ObjectStore::is_configured(variable) {
        let s3 = S3ObjectStore::new(&settings.identity.region, variable);
        objects = objects.with_s3(Arc::new(s3));
    }
    for name in &settings.s3_buckets {
        objects = match name.as_str() {
            "*" => objects.with_all_on_s3(),
            name => objects.with_route(name),
        };
    }
    Ok(Arc::new(objects))
}

/// The same over any store and any tasks.
pub(crate) async fn assemble(
    settings: &Settings,
    store: Arc<dyn Store>,
    metadata: Arc<dyn MetadataStore>,
    objects: Arc<dyn ObjectStore>,
    Tasks { runner, api }: Tasks,
    cluster: Option<ClusterOptions>,
    witness: Option<WitnessFile>,
) -> anyhow::Result<Arc<App>> {
    let mut options = RuntimeOptions::new(store.clone(), runner.clone());
    options.map_run_data = Arc::new(ObjectMapRunData::new(objects.clone()));
    options.tasks_max = settings.tasks_max;
    options.retention_days = settings.retention_days;
    options.express_history = settings.express_history;
    options.cluster = cluster;
    options.event_targets = event_targets(&settings.events)?;
    if let Some(file) = &witness {
        options.witness =
            Witness { commits: file.read()?, accept_data_loss: settings.accept_data_loss };
    }
    let app = Arc::new(App {
        runtime: Runtime::start(options).await?,
        runner,
        witness,
        store,
        metadata,
        objects,
        machines: Machines::default(),
        deletions: Deletions::default(),
        identity: settings.identity.clone(),
        limits: settings.limits,
        upload_state_machine: settings.upload_state_machine.clone(),
        upload_bytes_max: settings.upload_bytes_max,
        uploads: Semaphore::new(UPLOADS_AT_ONCE),
    });
    api.serve(&app);
    register_workflows(&app).await?;
    Ok(app)
}

/// What runs tasks: the functions of this process, Lambda where it is asked for, and the API of this server.
pub(crate) fn registry(
    settings: &Settings,
    metadata: Arc<dyn MetadataStore>,
    objects: Arc<dyn ObjectStore>,
    api: &Arc<OwnApi>,
) -> TaskRegistry {
    let limits = ImageLimits {
        bytes: settings.upload_bytes_max as u64,
        pixels: settings.image_pixels_max,
        ..ImageLimits::default()
    };
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let pool = ImagePool::new(processors, &limits);
    let image = ImageProcessorFunction::new(objects.clone(), limits, pool);
    let writer = MetadataWriterFunction::new(metadata, objects);
    let mut registry = TaskRegistry::new()
        .with_function(ImageProcessorFunction::NAME, Arc::new(image))
        .with_function(MetadataWriterFunction::NAME, Arc::new(writer))
        .with_step_functions(api.clone());
    let routed = !settings.lambda_functions.is_empty();
    if routed || AwsLambda::is_configured(|name| std::env::var(name).ok()) {
        registry = registry.with_lambda(Arc::new(AwsLambda::new(&settings.identity.region)));
    }
    for name in &settings.lambda_functions {
        registry = match name.as_str() {
            "*" => registry.with_default_route(Route::Lambda),
            name => registry.with_route(name, Route::Lambda),
        };
    }
    registry
}

async fn register_workflows(app: &App) -> anyhow::Result<()> {
    for (name, definition) in WORKFLOWS {
        let arn = app.identity.state_machine(name).to_string();
        if app.store.get_state_machine(&arn).await?.is_some() {
            continue;
        }
        let request = CreateStateMachineRequest {
            name: Some(name.into()),
            definition: Some(definition.into()),
            role_arn: Some(ANY_ROLE_ARN.into()),
            ..CreateStateMachineRequest::default()
        };
        let created = create_state_machine(app, request).await;
        created.map_err(|error| anyhow::anyhow!("{name}: {}", error.message))?;
        tracing::info!(state_machine = name, "registered");
    }
    Ok(())
}
