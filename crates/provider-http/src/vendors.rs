//! One list of vendors for each role, by [`vendors!`](crate::vendors!), and everything that follows from it.

use std::fmt;

/// A name that is no vendor's of the role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownProvider {
    /// The names that there are.
    pub known: &'static [&'static str],
}

impl fmt::Display for UnknownProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As `must be auth0, okta or scim`.
        match self.known.split_last() {
            Some((last, [])) => write!(f, "must be {last}"),
            Some((last, others)) => write!(f, "must be {} or {last}", others.join(", ")),
            None => f.write_str("there is no provider"),
        }
    }
}

/// The vendors of a role, each as `Variant(Client, Config) from module`. The modules must be in scope, each with a `SOURCE`
/// and, if the role reads events (`reading T`), a `read_event`. It makes
/// * the enum, with a client in each variant (no `dyn`: the compiler checks that every vendor is handled everywhere);
/// * `each!(client_enum, client => expression)`, which evaluates the expression with the client, whichever it is;
/// * `ProviderName`, which is parsed from a vendor's `SOURCE`, and `PROVIDER_NAMES` with all of them;
/// * for each client `new`, from the configuration's `http` and the client's own `of`;
/// * `Choice`, with a configuration in each variant, and `Choice::connect`, which makes the client;
/// * `EVENT_READERS`, if the role reads events.
#[macro_export]
macro_rules! vendors {
    (
        $(#[$about:meta])*
        pub enum $Role:ident reading $Event:ty {
            $($(#[$doc:meta])* $Vendor:ident($Client:ident, $Config:ident) from $module:ident),+ $(,)?
        }
    ) => {
        $crate::vendors! {
            $(#[$about])*
            pub enum $Role {
                $($(#[$doc])* $Vendor($Client, $Config) from $module),+
            }
        }

        pub(crate) const EVENT_READERS: &[::event_contract::EventReader<$Event>] =
            &[$(($module::SOURCE, $module::read_event)),+];
    };
    (
        $(#[$about:meta])*
        pub enum $Role:ident {
            $($(#[$doc:meta])* $Vendor:ident($Client:ident, $Config:ident) from $module:ident),+ $(,)?
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone)]
        pub enum $Role {
            $($(#[$doc])* $Vendor($Client)),+
        }

        /// The names that a setting may choose a provider by: each vendor's `SOURCE`.
        pub const PROVIDER_NAMES: &[&str] = &[$($module::SOURCE),+];

        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum ProviderName {
            $($Vendor),+
        }

        impl ::std::str::FromStr for ProviderName {
            type Err = $crate::UnknownProvider;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                $(if name == $module::SOURCE {
                    return Ok(Self::$Vendor);
                })+
                Err($crate::UnknownProvider { known: PROVIDER_NAMES })
            }
        }

        $(impl $Client {
            /// Makes a client, with limits as `adjust` leaves them: time-outs, requests in flight. Sends nothing yet.
            ///
            /// # Errors
            /// When a URL is not a web address, or a key or a version does not have its form.
            pub fn new(
                config: $Config,
                adjust: impl FnOnce(&mut $crate::ProviderHttpConfig),
            ) -> Result<Self, $crate::ConfigError> {
                let mut http = config.clone().http()?;
                adjust(&mut http);
                Ok(Self::of(config, $crate::ProviderHttp::new(http)?))
            }
        })+

        #[derive(Debug, Clone)]
        pub(crate) enum Choice {
            $($Vendor($Config)),+
        }

        impl Choice {
            pub(crate) fn connect(
                self,
                adjust: impl FnOnce(&mut $crate::ProviderHttpConfig),
            ) -> Result<$Role, $crate::ConfigError> {
                Ok(match self {
                    $(Self::$Vendor(config) => $Role::$Vendor($Client::new(config, adjust)?)),+
                })
            }
        }

        macro_rules! each {
            ($any:expr, $client:ident => $call:expr) => {
                match $any {
                    $($Role::$Vendor($client) => $call),+
                }
            };
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_answered_with_the_names_that_there_are() {
        let text = |known| UnknownProvider { known }.to_string();
        assert_eq!(text(&["salesforce"]), "must be salesforce");
        assert_eq!(text(&["stripe", "persona"]), "must be stripe or persona");
        assert_eq!(text(&["auth0", "okta", "scim"]), "must be auth0, okta or scim");
    }
}
