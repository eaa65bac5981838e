"""Files that lie elsewhere: in S3 buckets, on the Hugging Face Hub, on web servers."""
