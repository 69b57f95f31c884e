-- Notices that were given up are counted for monitoring without a look at those that wait.
create index notices_failed on notices (created_at) where state = 'failed';
