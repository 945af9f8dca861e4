//! What a declaration yields, as a crate with settings sees it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use settings::{Reader, SettingHelp, Settings, SettingsError, all, both, describe};

settings::declare! {
    /// A service's settings.
    #[derive(Debug)]
    pub struct ServiceSettings;

    /// More about it.
    pub PORT: u16 = "PORT" [default "8080", within 80..=9000] "where to listen" => pub port;
    URL: String = "URL" [required] "the address to call" => url;
    KEY: SecretString = "KEY" [required, secret] "the key to show" => key;
    WAIT: Duration = "WAIT_SECS" [default "2", seconds 1..=60] "longest wait" => wait;
    PAUSE: Duration = "PAUSE_MS" [default "5", millis 1..=60] "pause after a failure" => pause;
    PROXY: Option<String> = "PROXY" [default "", optional] "proxy, if there is one" => proxy;
    NAMES: Vec<String> = "NAMES" [default DEFAULT_NAMES, parse names] "names, separated by commas" => names;
    MODE: bool = "MODE" [default "false"] "whether to be thorough";
    thorough: Thoroughness = by read_thoroughness;
}

settings::declare! {
    /// A job's settings: some of the service's, and all of another type's.
    #[derive(Debug)]
    struct JobSettings;

    port: u16 = use PORT;
    archive: Archive = load;
    list ServiceSettings;
    list use MODE;
}

#[derive(Debug)]
struct Archive {
    folder: String,
}

settings::declare! {
    impl Archive;

    FOLDER: String = "FOLDER" [required] "where the archive is" => folder;
}

const DEFAULT_NAMES: &str = "a,b";

#[derive(Debug)]
struct Thoroughness(bool);

fn read_thoroughness(reader: &Reader) -> Result<Thoroughness, SettingsError> {
    reader.read(MODE).map(Thoroughness)
}

fn names(text: &str) -> Result<Vec<String>, &'static str> {
    let names: Vec<String> = text.split(',').map(str::to_owned).collect();
    if names.contains(&String::new()) { Err("a name is empty") } else { Ok(names) }
}

fn reader(variables: &[(&str, &str)]) -> Reader {
    Reader::from_variables(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

/// The text of the only fault.
fn problem<T: std::fmt::Debug>(read: Result<T, SettingsError>) -> String {
    let error = read.unwrap_err();
    assert_eq!(error.faults().len(), 1, "{error}");
    error.faults()[0].problem.clone()
}

#[test]
fn each_declared_setting_is_in_the_list_in_the_order_of_declaration() {
    let own = [
        PORT.help(),
        URL.help(),
        KEY.help(),
        WAIT.help(),
        PAUSE.help(),
        PROXY.help(),
        NAMES.help(),
        MODE.help(),
    ];
    assert_eq!(ServiceSettings::ALL, own);
    assert_eq!(JobSettings::ALL, [&[PORT.help(), FOLDER.help()], &own[..], &[MODE.help()]].concat());
}

#[test]
fn the_help_names_meaning_and_default() {
    let text = describe(&ServiceSettings::ALL[..2]);
    assert!(text.ends_with(
        "  PORT\n      where to listen [default 8080]\n  URL\n      the address to call [required]\n"
    ));
    let optional = describe(&[SettingHelp { name: "PROXY", meaning: "the proxy", default: Some("") }]);
    assert!(optional.ends_with("  PROXY\n      the proxy [optional]\n"), "{optional}");
}

#[test]
fn every_field_is_read() {
    let read: ServiceSettings = reader(&[("URL", "x"), ("KEY", "s3cret"), ("MODE", "true")]).load().unwrap();
    assert_eq!((read.port, read.url.as_str(), read.key.expose_secret()), (8080, "x", "s3cret"));
    assert_eq!((read.wait, read.pause), (Duration::from_secs(2), Duration::from_millis(5)));
    assert_eq!((read.proxy, read.names), (None, vec![String::from("a"), String::from("b")]));
    assert!(read.thorough.0);
    let job: JobSettings = reader(&[("FOLDER", "archive"), ("PORT", "90")]).load().unwrap();
    assert_eq!((job.port, job.archive.folder.as_str()), (90, "archive"));
}

#[test]
fn every_fault_is_listed_at_once_and_no_value_is_shown() {
    let reader = reader(&[("PORT", "hunter2"), ("NAMES", "hunter3,"), ("MODE", "hunter4")]);
    let error = reader.load::<ServiceSettings>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "5 setting(s) missing or wrong:\
         \n  PORT: must be a whole number from 80 to 9000 (where to listen)\
         \n  URL: is not set (the address to call)\
         \n  KEY: is not set (the key to show)\
         \n  NAMES: cannot be used: a name is empty (names, separated by commas)\
         \n  MODE: cannot be used: provided string was not `true` or `false` (whether to be thorough)"
    );
}

#[test]
fn no_read_hides_the_faults_of_another() {
    let reader = reader(&[]);
    assert_eq!(both(reader.read(PORT), reader.read(WAIT)), Ok((8080, Duration::from_secs(2))));
    assert_eq!(both(reader.read(PORT), reader.read(URL)), Err(URL.is_not_set()));
    assert_eq!(both(reader.read(URL), reader.read(PORT)), Err(URL.is_not_set()));
    let error = both(reader.read(URL), reader.load::<Archive>()).unwrap_err();
    assert_eq!(error.faults().iter().map(|fault| fault.name.as_ref()).collect::<Vec<_>>(), ["URL", "FOLDER"]);
    assert_eq!(all([reader.read(PORT), reader.read(PORT)]), Ok(vec![8080, 8080]));
    let error = all([reader.read(URL), Ok(String::new()), reader.read(FOLDER)]).unwrap_err();
    assert_eq!(error.faults().iter().map(|fault| fault.name.as_ref()).collect::<Vec<_>>(), ["URL", "FOLDER"]);
}

#[test]
fn a_default_is_used_only_when_the_variable_is_not_set() {
    assert_eq!(reader(&[]).read(PORT), Ok(8080));
    assert_eq!(reader(&[("PORT", "81")]).read(PORT), Ok(81));
    assert_eq!(problem(reader(&[("PORT", "")]).read(PORT)), "is empty", "an empty value hides a mistake");
    assert_eq!(reader(&[("PROXY", "")]).read(PROXY), Ok(None));
    assert_eq!(reader(&[("PROXY", "x")]).read(PROXY), Ok(Some(String::from("x"))));
}

#[test]
fn a_value_out_of_bounds_is_a_fault_that_names_the_bounds() {
    for (name, value) in [("PORT", "79"), ("PORT", "9001")] {
        assert_eq!(problem(reader(&[(name, value)]).read(PORT)), "must be a whole number from 80 to 9000");
    }
    assert_eq!(problem(reader(&[("WAIT_SECS", "0")]).read(WAIT)), "must be a whole number from 1 to 60");
    assert_eq!(problem(reader(&[("PAUSE_MS", "61")]).read(PAUSE)), "must be a whole number from 1 to 60");
}

#[test]
fn a_secret_may_be_in_a_file() {
    let path = std::env::temp_dir().join(format!("coppice-settings-{}", std::process::id()));
    std::fs::write(&path, "s3cret\n").unwrap();
    let from_file = reader(&[("KEY_FILE", path.to_str().unwrap())]).read(KEY);
    let twice = reader(&[("KEY", "x"), ("KEY_FILE", path.to_str().unwrap())]).read(KEY);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(problem(twice), "is set twice: unset KEY or KEY_FILE");
    let secret = from_file.unwrap();
    assert_eq!(secret.expose_secret(), "s3cret");
    assert!(!format!("{secret:?}").contains("s3cret"));
    assert_eq!(
        problem(reader(&[("KEY_FILE", "/nowhere")]).read(KEY)),
        "the file that KEY_FILE names cannot be read: entity not found"
    );
}
