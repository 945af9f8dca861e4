//! The macro with which settings are declared.

/// Declares settings, each once: its constant, its line of `--help`, its field, and how it is read.
///
/// ```
/// use std::time::Duration;
///
/// use secrecy::SecretString;
/// use settings::{Reader, Settings as _};
///
/// settings::declare! {
///     /// How to reach the archive.
///     #[derive(Debug, Clone)]
///     pub struct ArchiveSettings;
///
///     URL: String = "ARCHIVE_URL" [required] "where the archive is" => url;
///     TOKEN: SecretString = "ARCHIVE_TOKEN" [required, secret] "its token" => token;
///     TIMEOUT: Duration = "ARCHIVE_TIMEOUT_SECS" [default "10", seconds 1..=25] "longest wait for an answer"
///         => pub timeout;
/// }
///
/// assert_eq!(ArchiveSettings::ALL.len(), 3);
/// let reader = Reader::from_variables([("ARCHIVE_TIMEOUT_SECS".to_owned(), "60".to_owned())]);
/// let error = reader.load::<ArchiveSettings>().unwrap_err();
/// assert_eq!(error.faults().len(), 3);
/// ```
///
/// `struct Name;` makes a struct of the fields; `impl Name;` fills a struct that there is already. Either implements
/// [`Settings`](crate::Settings). Then one entry for each setting, in the order of `--help` and of the faults:
///
/// | entry | what it is |
/// |---|---|
/// | `NAME: Type = "VARIABLE" [options] "meaning" => field;` | a setting and its field |
/// | `NAME: Type = "VARIABLE" [options] "meaning";` | a setting that is listed, and read by other code |
/// | `field: Type = use CONSTANT;` | a setting that is declared elsewhere |
/// | `field: Type = load;` | all settings of another type, listed as well |
/// | `field: Type = by function;` | the result of `fn(&Reader) -> Result<Type, SettingsError>`: it depends on several |
/// | `list Type;`, `list use CONSTANT;` | lists what other code reads: all settings of a type, or one |
///
/// The options begin with `required` or `default "text"`. The second says how the text becomes a value:
///
/// | option | value |
/// |---|---|
/// | none | by the type's `FromStr` |
/// | `within 1..=10` | a number within these bounds, both included |
/// | `seconds 1..=10`, `millis 1..=10` | a `Duration` within these bounds |
/// | `secret` | a `SecretString` |
/// | `optional`, `optional secret` | an `Option`: `None` for an empty text. For a default of `""` |
/// | `parse function` | by `fn(&str) -> Result<T, E>`, where `E` is `Display` and does not quote the text |
#[macro_export]
macro_rules! declare {
    // How a text becomes a value.
    (@parse) => { $crate::expansion::parsed };
    (@parse within $bounds:expr) => { |text| $crate::expansion::within(text, $bounds) };
    (@parse seconds $bounds:expr) => {
        |text| $crate::expansion::within(text, $bounds).map($crate::expansion::Duration::from_secs)
    };
    (@parse millis $bounds:expr) => {
        |text| $crate::expansion::within(text, $bounds).map($crate::expansion::Duration::from_millis)
    };
    (@parse secret) => { |text| Ok($crate::expansion::SecretString::from(text)) };
    (@parse optional $($how:tt)*) => {
        |text| $crate::expansion::optional($crate::declare!(@parse $($how)*), text)
    };
    (@parse parse $function:expr) => { |text| $crate::expansion::by_function($function, text) };

    (@setting $name:literal $meaning:literal required $(, $($how:tt)*)?) => {
        $crate::Setting::new($name, None, $meaning, $crate::declare!(@parse $($($how)*)?))
    };
    (@setting $name:literal $meaning:literal default $default:expr $(, $($how:tt)*)?) => {
        $crate::Setting::new($name, Some($default), $meaning, $crate::declare!(@parse $($($how)*)?))
    };
    (@const [$(#[$meta:meta])*] [$vis:vis] $constant:ident $type:ty, $name:literal [$($options:tt)*] $meaning:literal) => {
        #[doc = concat!("Setting `", $name, "`:\n```text\n", $meaning, "\n```")]
        $(#[$meta])*
        $vis const $constant: $crate::Setting<$type> =
            $crate::declare!(@setting $name $meaning $($options)*);
    };

    // Entries, one after the other. The state has five parts: the type's name; the struct to make, or nothing; the lists
    // to join; the fields; and the reader's name with the pattern and the expression that hold what was read so far. The
    // reader's name is handed from step to step, since each step of a macro has local variables of its own.
    (@next $state:tt $(#[$meta:meta])* $vis:vis $constant:ident: $type:ty = $name:literal $options:tt $meaning:literal
        => $field_vis:vis $field:ident; $($rest:tt)*) => {
        $crate::declare!(@const [$(#[$meta])*] [$vis] $constant $type, $name $options $meaning);
        $crate::declare!(@field $state [&[$constant.help()],]
            [#[doc = concat!("Setting `", $name, "`.")]] [$field_vis] $field [$type] [read($constant)] $($rest)*);
    };
    (@next $state:tt $(#[$meta:meta])* $vis:vis $constant:ident: $type:ty = $name:literal $options:tt $meaning:literal;
        $($rest:tt)*) => {
        $crate::declare!(@const [$(#[$meta])*] [$vis] $constant $type, $name $options $meaning);
        $crate::declare!(@list $state [&[$constant.help()],] $($rest)*);
    };
    (@next $state:tt $(#[$meta:meta])* $vis:vis $field:ident: $type:ty = use $constant:path; $($rest:tt)*) => {
        $crate::declare!(@field $state [&[$constant.help()],]
            [$(#[$meta])*] [$vis] $field [$type] [read($constant)] $($rest)*);
    };
    (@next $state:tt $(#[$meta:meta])* $vis:vis $field:ident: $type:ty = load; $($rest:tt)*) => {
        $crate::declare!(@field $state [<$type as $crate::Settings>::ALL,]
            [$(#[$meta])*] [$vis] $field [$type] [load::<$type>()] $($rest)*);
    };
    (@next [$name:ty, $struct:tt, $lists:tt, $fields:tt, $reader:ident $pattern:tt $read:tt]
        $(#[$meta:meta])* $vis:vis $field:ident: $type:ty = by $function:path; $($rest:tt)*) => {
        $crate::declare!(@put [$name, $struct, $lists, $fields, $reader $pattern $read]
            [$(#[$meta])*] [$vis] $field [$type] [$function($reader)] $($rest)*);
    };
    (@next $state:tt list use $constant:path; $($rest:tt)*) => {
        $crate::declare!(@list $state [&[$constant.help()],] $($rest)*);
    };
    (@next $state:tt list $type:ty; $($rest:tt)*) => {
        $crate::declare!(@list $state [<$type as $crate::Settings>::ALL,] $($rest)*);
    };

    (@list [$name:ty, $struct:tt, [$($lists:tt)*], $fields:tt, $($state:tt)*] [$($list:tt)*] $($rest:tt)*) => {
        $crate::declare!(@next [$name, $struct, [$($lists)* $($list)*], $fields, $($state)*] $($rest)*);
    };
    (@field [$name:ty, $struct:tt, [$($lists:tt)*], $fields:tt, $reader:ident $pattern:tt $read:tt] [$($list:tt)*]
        $attributes:tt $vis:tt $field:ident $type:tt [$($call:tt)*] $($rest:tt)*) => {
        $crate::declare!(@put [$name, $struct, [$($lists)* $($list)*], $fields, $reader $pattern $read]
            $attributes $vis $field $type [$reader.$($call)*] $($rest)*);
    };
    (@put [$name:ty, $struct:tt, $lists:tt, [$($fields:tt)*], $reader:ident $pattern:tt $read:tt]
        [$($attributes:tt)*] [$($vis:tt)*] $field:ident [$type:ty] [$($call:tt)*] $($rest:tt)*) => {
        $crate::declare!(@next [$name, $struct, $lists, [$($fields)* { $($attributes)* $($vis)* $field: $type }],
            $reader ($pattern, $field) ($crate::both($read, $($call)*))] $($rest)*);
    };

    (@next [$name:ty, [$($struct:tt)*], [$($lists:tt)*],
        [$({ $(#[$attribute:meta])* $vis:vis $field:ident: $type:ty })*], $reader:ident $pattern:tt $read:tt]) => {
        $crate::declare!(@struct [$($struct)*] { $($(#[$attribute])* $vis $field: $type,)* });

        impl $crate::Settings for $name {
            const ALL: &'static [$crate::SettingHelp] = {
                const LISTS: &[&[$crate::SettingHelp]] = &[$($lists)*];
                &$crate::expansion::join::<{ $crate::expansion::count(LISTS) }>(LISTS)
            };

            fn read($reader: &$crate::Reader) -> Result<Self, $crate::SettingsError> {
                let $pattern = $read?;
                Ok(Self { $($field),* })
            }
        }
    };
    (@struct [] $fields:tt) => {};
    (@struct [$($struct:tt)*] $fields:tt) => { $($struct)* $fields };

    ($(#[$meta:meta])* $vis:vis struct $name:ident; $($entries:tt)*) => {
        $crate::declare!(@next [$name, [$(#[$meta])* $vis struct $name], [], [],
            reader () (Ok::<(), $crate::SettingsError>(()))] $($entries)*);
    };
    (impl $name:ty; $($entries:tt)*) => {
        $crate::declare!(@next [$name, [], [], [],
            reader () (Ok::<(), $crate::SettingsError>(()))] $($entries)*);
    };
}
