"""Turns a crawled folder into a data set: unsuitable photos are dropped with a reason, the others are described.

python -m trainer.curate --data data/theplace --out data/people --face-root ~/.insightface \
    --captioner qwen:Qwen/Qwen2.5-VL-7B-Instruct --min-photos 20

A photo is dropped for the first of these reasons: the file is no complete photo, it has the watermark of its site, it
shows no face or several, it is too small, it is a near-duplicate of a larger photo, or its face is not that of most
photos of the folder (where the face finder gives embeddings). A person with too few photos left is dropped. Three kinds
are kept nevertheless: those whose mark can be cropped without touching a face; those of several people, if embeddings
say which one is the person and no other face is much larger; and those of one body without a face, in clothes that the
person wears on another photo.

Kept photos get joints, parts, the number of their outfit (`outfits`), and two captions: with the person's looks and
without.

Output in --out: photos/<person>/, parts/<person>/ and metadata.jsonl (`dataset.read_curated` reads them); report/ with
counts, one line per photo, and a sheet of examples for each reason; cache/ with the findings, with which the same
command resumes after a kill, and other limits need no new examination.
"""
