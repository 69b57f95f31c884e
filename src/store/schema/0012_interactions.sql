-- Redemption looked up the older grants of one app and account through this index, and so visited every grant of the app.
-- Without it the planner takes grants_open, which holds the open grants by app and account. Nothing else read it.
drop index grants_client;
