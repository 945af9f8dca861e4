drop table config_version;
