"""The gap between clouds: range images of a generated LiDAR held against real ones."""
