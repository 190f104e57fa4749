"""The REST API's resources under /services/data/vNN.N, as plain functions from a Call to an Answer."""
