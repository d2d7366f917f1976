"""Where jobs execute: in this process or in worker processes; the seam at which a cluster engine is added."""
