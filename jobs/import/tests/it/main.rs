//! `import` as deployed: the real binary with a real queue and database.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use sqlx::AssertSqlSafe;
use tempfile::TempDir;
use testkit::{Said, Setup, World};

const BINARY: &str = env!("CARGO_BIN_EXE_import");
const UNIT: &str = "registry-resync";

const COUNTY: &str = r#"
    [sources.county]
    role = "registry"
    connector = "handed-over"
    map = { birthdate = "/born" }
"#;

const SETTINGS: [(&str, &str); 4] = [
    ("COPPICE_SOURCE", "county"),
    ("sources.county.role", "registry"),
    ("sources.county.connector", "handed-over"),
    ("sources.county.map.birthdate", "/born"),
];

struct County {
    world: World,
    folder: TempDir,
}

impl County {
    async fn start() -> Self {
        let world = World::start_with(Setup::DEFAULT.with_sources(COUNTY)).await;
        Self { world, folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    async fn import(&self, path: &Path, arguments: &[&str]) -> Said {
        let fixed = ["county", path.to_str().unwrap(), "--json"];
        self.world.run_job(BINARY, UNIT, &[&fixed, arguments].concat(), &SETTINGS).await
    }

    async fn count(&self, condition: &str) -> i64 {
        let sql = format!("select count(*) from handed_over_record where {condition}");
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&self.world.pool).await.unwrap()
    }

    async fn waiting(&self) -> u64 {
        self.world.queue_depth(UNIT).await.0
    }
}

fn rows(count: usize) -> String {
    let rows: String = (0..count).map(|n| format!("{n},Mara{n},1984-09-03\n")).collect();
    format!("id,given_name,born\n{rows}")
}

#[tokio::test]
async fn what_changed_is_written_and_sent_and_the_rest_is_not() {
    let county = County::start().await;
    let first = county.file("a.csv", rows(25).as_bytes());
    county.import(&first, &["--dry-run"]).await.says(0, &["\"new\": 25"]);
    assert_eq!((county.count("true").await, county.waiting().await), (0, 0), "a dry run writes nothing");
    county.import(&first, &["--batch-size", "10"]).await.says(0, &["\"new\": 25", "\"rows\": 25"]);
    assert_eq!((county.count("content ->> 'born' = '1984-09-03'").await, county.waiting().await), (25, 25));
    county.import(&first, &[]).await.says(0, &["\"unchanged\": 25", "\"new\": 0"]);
    let second = county.file("b.csv", rows(25).replace("Mara7,", "Maravilla,").as_bytes());
    county.import(&second, &[]).await.says(0, &["\"changed\": 1", "\"unchanged\": 24"]);
    assert_eq!(county.waiting().await, 26);
}

#[tokio::test]
async fn only_a_whole_file_that_is_long_enough_removes_what_it_lacks() {
    let county = County::start().await;
    let whole = county.file("whole.csv", rows(10).as_bytes());
    county.import(&whole, &["--whole"]).await.says(0, &["\"removed\": 0"]);
    let nine = county.file("nine.csv", rows(9).as_bytes());
    county.import(&nine, &[]).await.says(0, &["\"removed\": 0"]);
    county.import(&nine, &["--whole", "--dry-run"]).await.says(0, &["\"removed\": 1"]);
    assert_eq!(county.count("removed").await, 0);
    county.import(&nine, &["--whole"]).await.says(0, &["\"removed\": 1"]);
    assert_eq!(county.count("removed and content is null and record_id = '9'").await, 1);
    // A row without a readable ID may be any record's.
    let nameless = county.file("nameless.csv", format!("{},x,y\n", rows(8)).as_bytes());
    county.import(&nameless, &["--whole"]).await.says(0, &["\"removed\": 0", "may be one of them"]);
    // A bad row's ID, if it can be read, is not absent.
    let mut bytes = rows(8).into_bytes();
    bytes.extend(b"8,\xff,1984-09-03\n");
    let odd = county.file("odd.csv", &[b"\xef\xbb\xbf".to_vec(), bytes].concat());
    county.import(&odd, &["--whole"]).await.says(0, &["\"removed\": 0", "\"bad\": 1"]);
    // Far too short.
    let short = county.file("short.csv", rows(3).as_bytes());
    county.import(&short, &["--whole"]).await.says(4, &["--allow-fewer-rows"]);
    assert_eq!(county.count("removed").await, 1);
    county.import(&short, &["--whole", "--allow-fewer-rows"]).await.says(0, &["\"removed\": 6"]);
    assert_eq!(county.count("not removed").await, 3);
}

#[tokio::test]
async fn a_file_without_its_columns_is_refused_before_anything_is_written() {
    let county = County::start().await;
    for text in ["given_name,born\nMara,1984-09-03\n", "id,given_name\n1,Mara\n", "id,id,born\n1,1,x\n"] {
        let file = county.file("a.csv", text.as_bytes());
        let said = county.import(&file, &[]).await;
        said.says(2, &["nothing is written"]);
        assert!(!said.err.contains("Mara"));
    }
    assert_eq!(county.count("true").await, 0);
}

#[tokio::test]
async fn every_encoding_separator_and_form_reads_the_same() {
    let county = County::start().await;
    let utf16 = |big: bool| -> Vec<u8> {
        let units = "id;given_name;born\r\n1;Ærø;x\r\n".encode_utf16();
        units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    };
    let cases: [(&str, Vec<u8>); 7] = [
        ("utf8.csv", "id,given_name,born\n1,\"Ærø\",x\n".into()),
        ("bom.csv", "\u{feff}id\tgiven_name\tborn\n1\tÆrø\tx\n".into()),
        ("1252.csv", b"id|given_name|born\n1|\xc6r\xf8|x\n".to_vec()),
        ("le.csv", utf16(false)),
        ("be.csv", [b"\xfe\xff".to_vec(), utf16(true)].concat()),
        ("a.jsonl", "{\"id\":1,\"given_name\":\"Ærø\",\"born\":\"x\"}\n".into()),
        ("b.jsonl", "\n{\"id\":\"1\",\"given_name\":\"Ærø\",\"born\":\"x\"}\n[1]\n".into()),
    ];
    for (name, bytes) in cases {
        let file = county.file(name, &bytes);
        county.import(&file, &[]).await.says(0, &["\"rows\""]);
        assert_eq!(county.count("record_id = '1' and content ->> 'given_name' = 'Ærø'").await, 1, "{name}");
        sqlx::query("delete from handed_over_record").execute(&county.world.pool).await.unwrap();
    }
}

#[tokio::test]
async fn bad_rows_are_reported_without_their_values_and_the_others_continue() {
    let county = County::start().await;
    let text = "id,given_name,born\n1,Mara,x\n,pii-marker,x\n2,pii-marker\n1,pii-marker,x\n3,Orla,x\n";
    let (file, bad) = (county.file("a.csv", text.as_bytes()), county.folder.path().join("bad.csv"));
    let said = county.import(&file, &["--bad-rows", bad.to_str().unwrap()]).await;
    said.says(0, &["\"new\": 2", "\"bad\": 3"]);
    let written = std::fs::read_to_string(&bad).unwrap();
    for line in [",3,id,it has no ID", ",4,,it has another number of fields", ",5,,an earlier row has its ID"] {
        assert!(written.contains(line), "{line}\n{written}");
    }
    assert!(!written.contains("pii-marker") && !said.out.contains("pii-marker") && !said.err.contains("pii-marker"));
}

/// The queue takes nothing: the batch is stored and not sent, as after a kill in between.
#[tokio::test]
async fn an_interrupted_run_is_resumed_and_nothing_is_lost() {
    let county = County::start().await;
    let file = county.file("a.csv", rows(30).as_bytes());
    county.world.proxy.throttle("SendMessageBatch", 1_000_000);
    county.import(&file, &["--batch-size", "10"]).await.says(1, &["run again to resume"]);
    assert_eq!((county.count("true").await, county.waiting().await), (10, 0));
    county.world.proxy.throttle("SendMessageBatch", 0);
    county.import(&file, &["--batch-size", "10"]).await.says(0, &["\"rows\": 30", "\"changed\": 10", "\"new\": 20"]);
    assert_eq!((county.count("true").await, county.waiting().await), (30, 30));
}
