//! Table `config_version`: what was applied of each `coppice.toml`, by whom and when. In: a policy as text, and the sources'
//! names. Out: the newest version, by which every unit computes persons, and the older ones. This module must not know persons.

use std::collections::BTreeMap;

use authority::{Policy, Role};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::linking::Author;
use crate::proof::Write;
use crate::rules::STALE;
use crate::{Store, StoreError};

/// What a version says of a source. Its URL and its credentials are not stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclaredSource {
    /// What it is to the organization.
    pub role: Role,
    /// The connector's name.
    pub connector: String,
}

/// The part of a file that is the same for all units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    /// TOML: all sections but that of the sources.
    pub policy: String,
    /// By name.
    pub sources: BTreeMap<String, DeclaredSource>,
}

/// A file that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigVersion {
    /// Rises by one with each.
    pub version: i64,
    /// What it says.
    pub file: ConfigFile,
    /// SHA-256 of it.
    pub hash: Vec<u8>,
    /// Who applied it.
    pub author: String,
    /// When.
    pub applied_at: OffsetDateTime,
    /// The version whose file this is again.
    pub rolled_back_to: Option<i64>,
    /// Persons up to here were computed by it.
    pub computed_through: Option<Uuid>,
    /// When all persons had been. `None`: a run is under way, or was interrupted.
    pub computed_at: Option<OffsetDateTime>,
}

impl ConfigFile {
    /// SHA-256 of the text and of the sources.
    pub fn hash(&self) -> Vec<u8> {
        let mut hash = Sha256::new();
        hash.update(self.policy.as_bytes());
        for (name, source) in &self.sources {
            for part in [name, source.role.as_str(), &source.connector] {
                hash.update([0]);
                hash.update(part.as_bytes());
            }
        }
        hash.finalize().to_vec()
    }

    /// The policy.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], if this release cannot read it: a newer one has applied it.
    pub fn policy(&self) -> Result<Policy, StoreError> {
        let names: Vec<&str> = self.sources.keys().map(String::as_str).collect();
        let unreadable =
            |_| StoreError::Unavailable { code: String::from("coppice.toml of a newer release") };
        Policy::parse(&self.policy, &names).map_err(unreadable)
    }
}

struct Row {
    version: i64,
    policy: String,
    sources: serde_json::Value,
    hash: Vec<u8>,
    author: String,
    applied_at: OffsetDateTime,
    rolled_back_to: Option<i64>,
    computed_through: Option<Uuid>,
    computed_at: Option<OffsetDateTime>,
}

impl Row {
    fn read(self) -> Result<ConfigVersion, StoreError> {
        let unreadable =
            |_| StoreError::Unavailable { code: String::from("coppice.toml of a newer release") };
        let sources = serde_json::from_value(self.sources).map_err(unreadable)?;
        Ok(ConfigVersion {
            version: self.version,
            file: ConfigFile { policy: self.policy, sources },
            hash: self.hash,
            author: self.author,
            applied_at: self.applied_at,
            rolled_back_to: self.rolled_back_to,
            computed_through: self.computed_through,
            computed_at: self.computed_at,
        })
    }
}

impl Store {
    /// The newest version. `None`: none was applied yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn active_config(&self) -> Result<Option<ConfigVersion>, StoreError> {
        Ok(self.config_versions(1).await?.pop())
    }

    /// The newest versions, at most `limit` of them, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn config_versions(&self, limit: u32) -> Result<Vec<ConfigVersion>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            "select version, policy, sources, hash, author, applied_at, rolled_back_to, computed_through, computed_at
             from config_version order by version desc limit $1",
            i64::from(limit)
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(Row::read).collect()
    }

    /// The version of this number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn config_version(&self, version: i64) -> Result<Option<ConfigVersion>, StoreError> {
        let row = sqlx::query_as!(
            Row,
            "select version, policy, sources, hash, author, applied_at, rolled_back_to, computed_through, computed_at
             from config_version where version = $1",
            version
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(Row::read).transpose()
    }

    /// Makes this file the newest version, unless it is that already. From the return on, no person is computed by an older one.
    /// The persons that there are have to be computed by it then: [`Store::compute_config_batch`].
    ///
    /// # Errors
    /// [`StoreError`]: then nothing was written.
    pub async fn begin_config(
        &self,
        file: &ConfigFile,
        author: &Author,
        rolled_back_to: Option<i64>,
        _proof: &Write,
    ) -> Result<ConfigVersion, StoreError> {
        file.policy()?;
        let mut transaction = self.pool.begin().await?;
        // It waits for every transaction that computes a person by an older version, and they for this one.
        sqlx::query!("select pg_advisory_xact_lock(hashtext('config'), 0)")
            .execute(&mut *transaction)
            .await?;
        let sources = serde_json::to_value(&file.sources).unwrap_or_default();
        sqlx::query!(
            "insert into config_version (version, policy, sources, hash, author, rolled_back_to)
             select coalesce(max(version), 0) + 1, $1, $2, $3, $4, $5 from config_version
             having (select hash from config_version order by version desc limit 1) is distinct from $3",
            file.policy,
            sources,
            file.hash(),
            author.to_string(),
            rolled_back_to
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        self.read_rules().await?;
        let newest = self.active_config().await?;
        newest.ok_or_else(|| StoreError::Unavailable { code: STALE.to_owned() })
    }

    /// Computes every person again by this version, although they were.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn restart_config(&self, version: i64, _proof: &Write) -> Result<(), StoreError> {
        sqlx::query!(
            "update config_version set computed_through = null, computed_at = null where version = $1",
            version
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// How many records each source has that are there, and how many persons have them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn records_by_source(&self) -> Result<BTreeMap<String, (i64, i64)>, StoreError> {
        let rows = sqlx::query!(
            r#"select source, count(*) as "records!", count(distinct person_id) as "persons!"
               from source_record where gone_at is null group by source"#
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| (row.source, (row.records, row.persons))).collect())
    }

    /// How many present records of each source were read by another mapping than that of this mark, by source. Sources without
    /// such records are left out.
    pub async fn records_read_otherwise(
        &self,
        marks: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, i64>, StoreError> {
        let (sources, marks): (Vec<String>, Vec<String>) =
            marks.iter().map(|(source, mark)| (source.clone(), mark.clone())).unzip();
        // A mark is the end of the entity tag: `connectors::Mapping::mark`.
        let rows = sqlx::query!(
            r#"select source, count(*) as "records!"
               from unnest($1::text[], $2::text[]) as file (name, mark)
               join source_record on source = name
               where gone_at is null and coalesce(substring(etag from '#map:[0-9a-f]+$'), '') <> mark
               group by source"#,
            &sources,
            &marks
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| (row.source, row.records)).collect())
    }
}
