//! A database, a simulated content management system, and the job between them.

use local_stack::TestDatabase;
use simulators::contentful::{ContentfulControl, ContentfulSimulator};
use simulators::directus::{DirectusControl, DirectusSimulator};
use sqlx::{AssertSqlSafe, PgPool};

use crate::job::{Job, Said};

/// The physical version of every row that a run may write. Any write changes it.
const ROWS: &str = "select 'item ' || xmin::text || ctid::text as row from content_item \
    union all select 'outbox ' || xmin::text || ctid::text from outbox \
    union all select 'cursor ' || xmin::text || ctid::text from source_cursor \
    union all select 'listing ' || xmin::text || ctid::text from content_listing order by 1";

const ITEMS: &str = "select external_id || ' ' || coalesce(body #>> '{fields,title,en-US}', body ->> 'title', '-') \
    from content_item order by 1";

/// A database with the schema.
pub(crate) struct World {
    pool: PgPool,
    database: TestDatabase,
}

impl World {
    async fn start() -> Self {
        let database = TestDatabase::migrated().await.unwrap();
        Self { pool: PgPool::connect_lazy(database.url()).unwrap(), database }
    }

    /// Starts a world with a Contentful that has these entries. The title of each is its ID.
    pub(crate) async fn with_contentful(entries: &[&str]) -> (Self, ContentfulSimulator) {
        let (world, cms) = tokio::join!(Self::start(), ContentfulSimulator::start());
        entries.iter().for_each(|id| cms.publish_entry(id, id));
        (world, cms)
    }

    /// Starts a world with a Directus that has these articles and an empty second collection. The title of each article is
    /// its ID.
    pub(crate) async fn with_directus(articles: &[&str]) -> (Self, DirectusSimulator) {
        let (world, cms) = tokio::join!(Self::start(), DirectusSimulator::start());
        cms.create_collections(&["articles", "notices"]);
        articles.iter().for_each(|id| cms.put("articles", id, id));
        (world, cms)
    }

    pub(crate) async fn texts(&self, sql: &'static str) -> Vec<String> {
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(&self.pool).await.unwrap()
    }

    /// The ID and the title of every item. An item that is gone has a dash.
    pub(crate) async fn items(&self) -> Vec<String> {
        self.texts(ITEMS).await
    }

    pub(crate) async fn rows(&self) -> Vec<String> {
        self.texts(ROWS).await
    }

    /// The number of changes announced so far.
    pub(crate) async fn announced(&self) -> usize {
        let announced = "select outbox.kind from outbox join content_item on content_item_id = entity_id \
                         and outbox.revision <= content_item.revision where kind = 'ContentChanged'";
        let all = self.texts("select kind from outbox").await.len();
        assert_eq!(self.texts(announced).await.len(), all, "each row of the outbox announces a stored item");
        all
    }

    /// Names of the cursors.
    pub(crate) async fn cursors(&self) -> Vec<String> {
        self.texts("select entity from source_cursor order by 1").await
    }
}

/// A simulated CMS and the settings for it: pages of two items, no second attempt.
pub(crate) trait Cms {
    fn environment(&self) -> Vec<(&'static str, String)>;

    /// The environment of a run.
    fn settings(&self, world: &World) -> Vec<(&'static str, String)> {
        let mut settings = self.environment();
        settings.push(("DATABASE_URL", world.database.url_of("content-etl")));
        settings.push(("COPPICE_CONTENT_PAGE_SIZE", String::from("2")));
        settings.push(("COPPICE_CONTENT_ATTEMPTS", String::from("1")));
        settings
    }

    fn start(&self, world: &World, arguments: &[&str]) -> Job {
        Job::start(arguments, &self.settings(world))
    }

    async fn run(&self, world: &World, arguments: &[&str]) -> Said {
        self.start(world, arguments).end().await
    }

    /// Runs the job to its end. Returns how many items are new or changed, and how many are gone.
    async fn loads(&self, world: &World, arguments: &[&str]) -> (u64, u64) {
        let report = self.run(world, &[arguments, &["--json"]].concat()).await.json(0);
        assert_eq!(report["complete"], true);
        (report["changed"].as_u64().unwrap(), report["gone"].as_u64().unwrap())
    }
}

impl Cms for ContentfulControl {
    fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("COPPICE_CONTENT_PROVIDER", String::from("contentful")),
            ("COPPICE_CONTENTFUL_URL", self.base_url()),
            ("COPPICE_CONTENTFUL_SPACE", self.space().to_owned()),
            ("COPPICE_CONTENTFUL_ACCESS_TOKEN", self.access_token().to_owned()),
        ]
    }
}

impl Cms for DirectusControl {
    fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("COPPICE_CONTENT_PROVIDER", String::from("directus")),
            ("COPPICE_DIRECTUS_URL", self.base_url()),
            ("COPPICE_DIRECTUS_TOKEN", self.token().to_owned()),
            ("COPPICE_DIRECTUS_COLLECTIONS", String::from("articles,notices")),
        ]
    }
}
