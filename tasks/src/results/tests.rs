use bytes::Bytes;
use stepyard_asl::{OutputType, Timestamp, Transformation};
use stepyard_json::Payload;
use stepyard_machine::{ChildEnd, ExecutionStatus};

use super::*;
use crate::objects::{FsObjectStore, ListQuery};

const BUCKET: &str = "results";
const ARN: &str = "arn:aws:states:us-east-1:000000000000:mapRun:m/l:8b5e";

fn child(status: Option<ExecutionStatus>, output: &str) -> ChildResult {
    ChildResult {
        execution_arn: "arn:e".into(),
        name: "n".into(),
        state_machine_arn: "arn:m/l".into(),
        input: Payload::from_text("[1.0]").unwrap(),
        end: status.map(|status| ChildEnd {
            status,
            started: Timestamp(0),
            stopped: Timestamp(0),
            output: (status == ExecutionStatus::Succeeded)
                .then(|| Payload::from_text(output.to_owned()).unwrap()),
            error: None,
            cause: None,
            redrive_count: 0,
            redrive_refusal: None,
        }),
    }
}

struct World {
    _folder: tempfile::TempDir,
    objects: Arc<dyn ObjectStore>,
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let objects = FsObjectStore::open(folder.path(), &[BUCKET]).unwrap();
        World { _folder: folder, objects: Arc::new(objects) }
    }

    fn writer(&self, output_type: OutputType, transformation: Transformation) -> ResultWriter {
        let arguments = Json::parse(r#"{"Bucket":"results","Prefix":"jobs/"}"#).unwrap();
        let destination = Destination::new(&arguments, ARN).unwrap();
        ResultWriter::new(
            self.objects.clone(),
            destination,
            WriterConfig { output_type, transformation },
        )
    }

    async fn text(&self, key: &str) -> String {
        let body: Bytes = self.objects.get(BUCKET, key).await.unwrap().body;
        String::from_utf8(body.to_vec()).unwrap()
    }

    async fn keys(&self) -> Vec<String> {
        let page = self.objects.list(BUCKET, ListQuery::default()).await.unwrap();
        page.objects.into_iter().map(|object| object.key).collect()
    }
}

#[tokio::test]
async fn results_go_to_files_of_their_kinds() {
    let world = World::new();
    let mut writer = world.writer(OutputType::Json, Transformation::None);
    let succeeded = child(Some(ExecutionStatus::Succeeded), "{\"a\": 1.0}");
    let aborted = child(Some(ExecutionStatus::Aborted), "");
    for result in [&succeeded, &aborted, &succeeded, &child(None, "")] {
        writer.write(result).await.unwrap();
    }
    let output = writer.finish().await.unwrap();
    assert_eq!(
        output.to_string(),
        format!(
            r#"{{"MapRunArn":"{ARN}","ResultWriterDetails":{{"Bucket":"results","Key":"jobs/8b5e/manifest.json"}}}}"#
        )
    );
    let record = succeeded.written(Transformation::None)[0].to_string();
    assert_eq!(world.text("jobs/8b5e/SUCCEEDED_0.json").await, format!("[{record},{record}]"));
    let failed = world.text("jobs/8b5e/FAILED_0.json").await;
    assert_eq!(failed, format!("[{}]", aborted.written(Transformation::None)[0]));
    let pending = world.text("jobs/8b5e/PENDING_0.json").await;
    assert!(pending.contains(r#""Status":"PENDING""#), "{pending}");
    let (failed, pending, succeeded) = (failed.len(), pending.len(), 2 * record.len() + 3);
    assert_eq!(
        world.text("jobs/8b5e/manifest.json").await,
        format!(
            r#"{{"DestinationBucket":"results","MapRunArn":"{ARN}","ResultFiles":{{"FAILED":[{{"Key":"jobs/8b5e/FAILED_0.json","Size":{failed}}}],"PENDING":[{{"Key":"jobs/8b5e/PENDING_0.json","Size":{pending}}}],"SUCCEEDED":[{{"Key":"jobs/8b5e/SUCCEEDED_0.json","Size":{succeeded}}}]}}}}"#
        )
    );
}

#[tokio::test]
async fn outputs_are_written_in_each_form() {
    for (output_type, transformation, text) in [
        (OutputType::Json, Transformation::Compact, r#"[[1,[2]],{"b":1.0}]"#),
        (OutputType::Json, Transformation::Flatten, r#"[1,[2],{"b":1.0}]"#),
        (OutputType::JsonLines, Transformation::Compact, "[1,[2]]\n{\"b\":1.0}\n"),
        (OutputType::JsonLines, Transformation::Flatten, "1\n[2]\n{\"b\":1.0}\n"),
    ] {
        let world = World::new();
        let mut writer = world.writer(output_type, transformation);
        for output in ["[1,[2]]", r#"{"b":1.0}"#] {
            writer.write(&child(Some(ExecutionStatus::Succeeded), output)).await.unwrap();
        }
        writer.finish().await.unwrap();
        assert_eq!(world.text("jobs/8b5e/SUCCEEDED_0.json").await, text);
    }
}

#[tokio::test]
async fn a_run_without_results_has_a_manifest() {
    let world = World::new();
    let writer = world.writer(OutputType::Json, Transformation::None);
    writer.finish().await.unwrap();
    assert_eq!(world.keys().await, ["jobs/8b5e/manifest.json"]);
    let manifest = world.text("jobs/8b5e/manifest.json").await;
    assert!(manifest.ends_with(r#""ResultFiles":{"FAILED":[],"PENDING":[],"SUCCEEDED":[]}}"#));
    let mut writer = world.writer(OutputType::Json, Transformation::Flatten);
    writer.write(&child(Some(ExecutionStatus::Succeeded), "[]")).await.unwrap();
    writer.finish().await.unwrap();
    assert_eq!(world.text("jobs/8b5e/SUCCEEDED_0.json").await, "[]");
}

#[tokio::test]
async fn files_are_of_limited_size() {
    let world = World::new();
    let values: Vec<Json> = (10..16).map(Json::from).collect();
    for (output_type, texts) in [
        (OutputType::Json, ["[10,11]", "[12,13]", "[14,15]"]),
        (OutputType::JsonLines, ["10\n11\n", "12\n13\n", "14\n15\n"]),
    ] {
        let mut files = ResultFiles::new("f".into(), output_type, 8);
        for pair in values.chunks(2) {
            files.write(&*world.objects, BUCKET, pair).await.unwrap();
        }
        let listed = files.finish().await.unwrap();
        let sizes: Vec<_> = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|file| file.get("Size").unwrap().as_i64())
            .collect();
        assert_eq!(sizes, texts.map(|text| Some(text.len() as i64)));
        for (number, text) in texts.iter().enumerate() {
            assert_eq!(world.text(&format!("f_{number}.json")).await, *text);
        }
    }
}

#[tokio::test]
async fn what_is_aborted_leaves_nothing() {
    let world = World::new();
    let mut writer = world.writer(OutputType::Json, Transformation::None);
    writer.write(&child(Some(ExecutionStatus::Succeeded), "1")).await.unwrap();
    writer.abort().await;
    assert_eq!(world.keys().await, [""; 0]);
}

#[tokio::test]
async fn destinations_are_checked() {
    let of = |arguments| Destination::new(&Json::parse(arguments).unwrap(), ARN);
    assert_eq!(of(r#"{"Bucket":"b"}"#).unwrap().manifest_key(), "8b5e/manifest.json");
    let missing = of("{}").unwrap_err().cause;
    assert_eq!(missing, "The field 'Bucket' is required but was missing");
    let wrong = of(r#"{"Bucket":"b","Prefix":1}"#).unwrap_err().cause;
    assert_eq!(wrong, "The field 'Prefix' must be a string but was: 1");
    let world = World::new();
    let destination = of(r#"{"Bucket":"nowhere"}"#).unwrap();
    let mut writer = ResultWriter::new(world.objects.clone(), destination, WriterConfig::default());
    let result = child(Some(ExecutionStatus::Succeeded), "1");
    let cause = writer.write(&result).await.unwrap_err().cause;
    assert_eq!(cause, "The specified bucket does not exist: nowhere");
}
