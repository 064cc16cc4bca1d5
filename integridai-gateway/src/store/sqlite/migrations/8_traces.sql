-- Where in a trace an execution was handed in.
ALTER TABLE executions ADD COLUMN traceparent TEXT;
