//! Settings of SCIM: a service, and a token.

use secrecy::SecretString;
use url::Url;

use crate::ScimConfig;

::settings::declare! {
    impl ScimConfig;

    URL: Url = "COPPICE_SCIM_URL" [required]
        "base of the SCIM 2.0 service, as https://idp.example/scim/v2 (provider scim)" => base_url;
    TOKEN: SecretString = "COPPICE_SCIM_TOKEN" [required, secret] "bearer token (provider scim)" => token;
}
