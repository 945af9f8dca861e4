-- What the run was asked for, as the command line says it: whoever asks for something else does not go on with it.
alter table resync_run add column arguments text not null default '';
