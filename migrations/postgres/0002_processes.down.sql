drop table process_timers;
drop table process_work;
drop table process_journal;
drop table processes;
