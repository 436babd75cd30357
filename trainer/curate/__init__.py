"""A crawled folder becomes a data set: what cannot serve is dropped with a reason, the rest is described.

python -m trainer.curate --data data/theplace --out data/people --face-root ~/.insightface \
    --captioner qwen:Qwen/Qwen2.5-VL-7B-Instruct --min-photos 20

In this order, a photo is dropped when it is no whole photo, carries the site's watermark, shows no face or several, is
too small, repeats a larger one, or shows somebody else than most photos of the folder (where the face finder gives
embeddings); a person is dropped with too few photos left. Kept nevertheless: a photo whose mark can be cut off without
touching a face; of several people, where embeddings say which one is the person and no other face is much larger;
without a face, where one body is seen in clothes that the person wears on another photo.

What is kept gets joints, parts, the number of its outfit (`outfits`), and two captions: with the person's looks and
without.

Written to --out: photos/<person>/, parts/<person>/ and metadata.jsonl (`dataset.read_curated` reads them); report/ with
counts, one line per photo and a sheet of examples for each reason; cache/ with what was seen, by which the same command
goes on after a kill and other limits are tried without looking again.
"""
